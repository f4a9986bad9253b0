"""The HTTP door: OpenAI's interface and adtune's own, over `steps.serving` (floor 5, thin: translate and call)."""
