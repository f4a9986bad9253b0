"""What words of campaign files mean everywhere: channels, placements, devices, audiences, products, and words of ad texts.

A value that no rule knows has the number 0: the model then learns it from the advertiser's own rows. Rules are tried in order, so the
narrow ones stand first.
"""

from __future__ import annotations

import re
import zlib
from functools import lru_cache

CHANNELS = ("", "search", "brand search", "shopping", "performance max", "facebook", "instagram", "tiktok", "pinterest", "snapchat",
            "linkedin", "display", "video", "e-mail", "affiliate", "marketplace")
PLACEMENTS = ("", "feed", "stories", "reels", "right column", "audience network", "search top", "search partners", "explore", "in-stream")
DEVICES = ("", "desktop", "mobile", "tablet", "app")
AUDIENCES = ("", "retargeting", "customers", "lookalike", "prospecting", "interest", "18-24", "25-34", "35-44", "45-54", "55-64", "65+",
             "women", "men")
PRODUCTS = ("", "dresses", "swimwear", "coats", "boots", "sandals", "knitwear", "shirts", "trousers", "shoes", "bags", "jewellery", "toys",
            "gifts", "garden", "barbecue", "sun care", "skin care", "fitness", "travel", "electronics", "furniture", "heating", "bikes",
            "school", "courses", "software", "insurance", "groceries", "flowers", "costumes", "pets")
_RULES = {
    "channel": ((r"brand(ed)?[ _-]*search|search[ _-]*brand", "brand search"), (r"p(erformance)?[ _-]?max", "performance max"),
                (r"shopping|pla\b|product listing", "shopping"), (r"instagram|\big\b", "instagram"), (r"tik ?tok", "tiktok"),
                (r"pinterest", "pinterest"), (r"snap", "snapchat"), (r"linkedin", "linkedin"), (r"youtube|video|\btv\b|ctv", "video"),
                (r"e-?mail|newsletter|crm", "e-mail"), (r"affiliate|partner", "affiliate"), (r"amazon|marketplace|sponsored",
                                                                                             "marketplace"),
                (r"facebook|\bfb\b|\bmeta\b", "facebook"), (r"display|gdn|programmatic|dv360|banner", "display"),
                (r"search|adwords|google|bing|microsoft|sem\b|ppc", "search")),
    "placement": ((r"right", "right column"), (r"audience[ _]network", "audience network"), (r"stor(y|ies)", "stories"), (r"reel", "reels"),
                  (r"explore|discover", "explore"), (r"in-?stream|pre-?roll", "in-stream"), (r"partner", "search partners"),
                  (r"top|abs", "search top"), (r"feed", "feed")),
    "device": ((r"tablet|ipad", "tablet"), (r"app\b|in-app", "app"), (r"mobile|phone|android|ios", "mobile"), (r"desktop|computer|pc\b",
                                                                                                               "desktop")),
    "audience": ((r"re-?(targeting|marketing)|cart|visitor|rtg|rmkt", "retargeting"), (r"look-?a-?like|\blal\b|similar", "lookalike"),
                 (r"customer|buyer|crm|loyal", "customers"), (r"18\s*[-–]\s*24", "18-24"), (r"25\s*[-–]\s*34", "25-34"),
                 (r"35\s*[-–]\s*44", "35-44"), (r"45\s*[-–]\s*54", "45-54"), (r"55\s*[-–]\s*64", "55-64"), (r"65", "65+"),
                 (r"prospect|broad|cold|acquisition|new", "prospecting"), (r"interest|affinity|in-market", "interest"),
                 (r"wom[ae]n|female|\bf\b", "women"), (r"\bm[ae]n\b|\bmale\b|\bm\b", "men")),
    "product": tuple((pattern, name) for name, pattern in (
        ("dresses", r"dress"), ("swimwear", r"swim|bikini|beachwear"), ("coats", r"coat|jacket|parka|outerwear"), ("boots", r"boots?\b"),
        ("sandals", r"sandal|flip"), ("knitwear", r"knit|sweater|pullover|cardigan|jumper"), ("shirts", r"shirt|blouse|tops?\b|tees?\b"),
        ("trousers", r"trouser|jeans|pants|shorts|skirt"), ("shoes", r"shoe|sneaker|trainers"), ("bags",
                                                                                                 r"\bbags?\b|handbag|backpack|luggage"),
        ("jewellery", r"jewel|ring\b|necklace|watch"), ("toys", r"\btoys?\b|games?\b"), ("gifts", r"gift|present"),
        ("garden", r"garden|plant|lawn"), ("barbecue", r"barbecue|bbq|grill"), ("sun care", r"sun ?(care|screen)|spf"),
        ("skin care", r"skin|cosmetic|beauty|make-?up|perfume"), ("fitness", r"fitness|gym|supplement|protein|diet"),
        ("travel", r"travel|hotel|flight|holiday|tour"), ("electronics", r"electronic|phone|laptop|camera|tv\b|audio"),
        ("furniture", r"furniture|sofa|mattress|bed\b"), ("heating", r"heat|boiler|stove"), ("bikes", r"\bbikes?\b|bicycle"),
        ("school", r"school|stationery"), ("courses", r"course|training|class|university|degree"), ("software", r"software|saas|crm|app\b"),
        ("insurance", r"insur|loan|bank|credit|deposit"), ("groceries", r"grocer|food|coffee|wine|snack"), ("flowers", r"flower|bouquet"),
        ("costumes", r"costume|halloween"), ("pets", r"\bpets?\b|dog|cat food"))),
}
NAMES = {"channel": CHANNELS, "placement": PLACEMENTS, "device": DEVICES, "audience": AUDIENCES, "product": PRODUCTS}
# Words of campaign and ad names that mean much the same at every advertiser; others have an own bucket by their hash.
WORDS = ("sale off discount deal free shipping new launch brand generic competitor retargeting remarketing prospecting broad lookalike "
         "exact phrase catalog dpa collection carousel static ugc influencer testimonial limited last chance today bundle gift premium "
         "cheap best top review guide how quiz trial demo download subscribe signup lead app install summer winter spring autumn holiday "
         "black friday christmas easter valentine mother clearance outlet bestseller organic awareness traffic conversion video story "
         "women men kids plus petite").split()
BUCKETS = 512
MOST_WORDS = 8
_PLAIN = re.compile(r"[^\W_]+")


@lru_cache(maxsize=65536)
def known_number(field: str, value: str) -> int:
    """The number of a value's meaning in NAMES[field], 0 where no rule knows it."""
    text = value.lower()
    for pattern, name in _RULES[field]:
        if re.search(pattern, text):
            return NAMES[field].index(name)
    return 0


@lru_cache(maxsize=65536)
def word_number(word: str) -> int:
    """The bucket of a word, 1 to BUCKETS - 1; crc32, so that it is the same on every machine."""
    return 1 + zlib.crc32(word.encode()) % (BUCKETS - 1)


@lru_cache(maxsize=65536)
def words_of(text: str) -> tuple[str, ...]:
    """A text's first MOST_WORDS different words, each in its plain lower-case form, numbers left out."""
    return tuple(dict.fromkeys(word for word in _PLAIN.findall(text.lower()) if not word.isdigit() and len(word) > 1))[:MOST_WORDS]


def word_numbers(text: str) -> tuple[int, ...]:
    """Buckets of the words of a text, padded with 0."""
    found = tuple(word_number(word) for word in words_of(text))
    return found + (0,) * (MOST_WORDS - len(found))
