"""Layouts that people have their posts in, one file each."""

from collections.abc import Mapping

from virality.data.sources.base import Source
from virality.data.sources.original_project import OriginalProject
from virality.data.sources.posts import Posts
from virality.data.sources.research_api import ResearchApi
from virality.data.sources.smp import Smp
from virality.data.sources.table import Table
from virality.data.sources.tiktok_api import TiktokApi
from virality.data.sources.tiktok_export import TiktokExport
from virality.data.sources.tiktok_mobile import TiktokMobile
from virality.data.sources.tiktok_scraper import TiktokScraper
from virality.data.sources.ytdlp import Ytdlp

SOURCES: Mapping[str, Source] = {
    "posts": Posts(),
    "tiktok_scraper": TiktokScraper(),
    "tiktok_api": TiktokApi(),
    "tiktok_mobile": TiktokMobile(),
    "tiktok_export": TiktokExport(),
    "research_api": ResearchApi(),
    "original_project": OriginalProject(),
    "smp": Smp(),
    "ytdlp": Ytdlp(),
    "table": Table(),
}
"""Name -> source, in the order in which they are tried; any table at all comes last."""
