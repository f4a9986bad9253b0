"""The engine. Whatever order its libraries load in, torchao's remarks about compiled parts for other machines stay unsaid."""

import logging

_REMARKS = {"torchao": "Failed to load", "torch.utils._pytree": "register_constant()"}

for _logger, _words in _REMARKS.items():
    logging.getLogger(_logger).addFilter(lambda record, words=_words: words not in record.getMessage())
