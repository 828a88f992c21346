"""Small excerpts with made-up values in each layout that the sources read."""

import json
from pathlib import Path
from typing import Any

import pandas as pd


def scraper_post(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": str(6907228749016714497 + number),
        "text": f"made up {number} #fun #día with @someone",
        "createTime": 1608214517 + number,
        "authorMeta": {"id": "68123456789", "name": "maker", "nickName": "The M", "verified": True},
        "musicMeta": {
            "musicId": "67902",
            "musicName": "Tune",
            "musicAuthor": "B",
            "musicOriginal": False,
        },
        "videoMeta": {"height": 1024, "width": 576, "duration": 15},
        "diggCount": 10 + number,
        "shareCount": 2,
        "playCount": 100 * (number + 1),
        "commentCount": 3,
        "downloaded": True,
        "mentions": ["@someone"],
        "hashtags": [
            {"id": "1", "name": "fun", "title": ""},
            {"id": "2", "name": "día", "title": ""},
        ],
    } | changes


def write_scraper(folder: Path, posts: list[dict[str, Any]] | None = None) -> Path:
    path = folder / "trending.json"
    content = {"collector": posts if posts is not None else [scraper_post(n) for n in range(3)]}
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def api_item(number: int) -> dict[str, Any]:
    return {
        "id": str(7300000000000000000 + number * 7),
        "desc": "món ngon #food @quán",
        "createTime": 1700000000,
        "author": {"id": "99887766", "uniqueId": "cook", "nickname": "Cook", "verified": False},
        "authorStats": {
            "followerCount": 500,
            "followingCount": 5,
            "heartCount": 900,
            "videoCount": 40,
        },
        "stats": {
            "playCount": 1000 + number,
            "diggCount": 50,
            "commentCount": 4,
            "shareCount": 1,
            "collectCount": "12",
        },
        "video": {
            "duration": 0,
            "width": 0,
            "height": 0,
            "codecType": "h264",
            "playAddr": "https://x",
        },
        "music": {"id": "123", "title": "sound", "authorName": "cook", "original": True},
        "challenges": [{"id": "5", "title": "food"}],
        "locationCreated": "VN",
    }


def research_video(number: int) -> dict[str, Any]:
    return {
        "id": 7213456789012345678 + number,
        "video_description": "An app #dev",
        "create_time": 1746230400,
        "region_code": "US",
        "like_count": 1245,
        "comment_count": 87,
        "share_count": 312,
        "view_count": 54320 + number,
        "hashtag_names": ["dev"],
        "username": "someone",
        "music_id": 77,
        "favorites_count": 9,
        "video_duration": 21,
        "voice_to_text": "hello",
        "effect_ids": ["1", "2"],
    }


def original_entry(number: int) -> dict[str, Any]:
    return {
        "metrics": {
            "likes": 3710 + number,
            "shares": 50,
            "comments": 68,
            "views": 44800,
            "saved": "Not supported",
        },
        "author": {"id": "68", "username": "nick", "verified": False},
        "general": {"text": "Confidence", "hashtags": ["a"], "music_id": "6790"},
        "music": {"music_name": "Element", "music_author": "P", "music_original": False},
        "video_url": "https://example.org/v.mp4",
    }


def write_ytdlp(folder: Path) -> Path:
    clips = folder / "clips"
    (clips / "deep").mkdir(parents=True)
    info = {
        "id": "7106594312292453675",
        "extractor_key": "TikTok",
        "title": "short",
        "tags": ["x"],
        "description": "a dance #x",
        "uploader": "dancer",
        "uploader_id": "6618",
        "timestamp": 1654629289,
        "epoch": 1700000000,
        "duration": 12,
        "width": 576,
        "height": 1024,
        "view_count": 1600,
        "like_count": 20,
        "repost_count": 3,
        "comment_count": 4,
        "track": "T",
        "artists": ["Q"],
        "formats": [{"url": "https://x"}],
        "http_headers": {"Cookie": "secret"},
        "cookies": "secret",
        "vcodec": "h264",
    }
    (clips / "one.info.json").write_text(json.dumps(info), encoding="utf-8")
    (clips / "one.mp4").write_bytes(b"clip")
    other = info | {"id": "second", "extractor_key": "Youtube"}
    (clips / "deep" / "two.info.json").write_text(json.dumps(other), encoding="utf-8")
    (clips / "list.info.json").write_text('{"_type": "playlist", "id": "p"}', encoding="utf-8")
    return clips


def write_smp(folder: Path) -> Path:
    smp = folder / "smp"
    smp.mkdir()
    parts: dict[str, list[dict[str, Any]]] = {
        "posts": [
            {
                "pid": f"POST{n}",
                "uid": "USER1",
                "post_content": "dinner,garlic,bye2021",
                "post_location": "AU",
                "post_suggested_words": ["x"] * n,
                "post_text_language": "en",
                "video_path": f"train/USER1/VIDEO{n}.mp4",
                "post_time": "2022-01-01 15:56",
            }
            for n in range(3)
        ],
        "users": [
            {
                "uid": "USER1",
                "user_following_count": 9,
                "user_follower_count": 18000000,
                "user_likes_count": 77,
                "user_video_count": 4,
                "user_digg_count": 1,
                "user_heart_count": -5,
                "user_friend_count": 0,
            }
        ],
        "videos": [
            {
                "vid": f"V{n}",
                "pid": f"POST{n}",
                "uid": "USER1",
                "video_height": 1080,
                "video_width": 576,
                "video_duration": 46,
                "video_ratio": "540p",
                "video_format": "mp4",
                "music_title": "s",
                "music_duration": 46,
            }
            for n in range(3)
        ],
        "popularity": [
            {"pid": f"POST{n}", "uid": "USER1", "popularity": 8.5 + n} for n in range(2)
        ],
    }
    for part, rows in parts.items():
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (smp / f"{part}.jsonl").write_text(lines, encoding="utf-8")
    return smp


RAW_CSV = """\
user_name,user_nfollower,vid_id,vid_caption,vid_postTime,vid_scrapeTime,vid_duration,vid_nview,\
vid_nlike,vid_ncomment,vid_nshare,vid_nsave,vid_hashtags,music_id,music_title,music_nused,\
music_authorName,music_originality
a3c109ce3a6ff,304.9K,7506832682593094928,Giấc mơ 🦢,2025-05-21 09:44:45,2025-05-29 15:38:41,00:31,\
541.2K,21.9K,454,742,1098,xuhuong,7.506832745952218e+18,nhạc nền,3 videos,m1,True
abc,17.4K,7507991840340135186,"Đơn giản, dễ làm",2025-05-24 12:42:52,2025-05-29 15:39:47,01:05,\
1.4M,27.7K,448,10.2K,5047,"suckhoe, thaomoc",7.507991997681192e+18,nhạc nền,44 videos,m2,False
"""


def write_raw_csv(folder: Path) -> Path:
    path = folder / "raw.csv"
    path.write_text(RAW_CSV, encoding="utf-8")
    return path


def write_flat_parquet(folder: Path) -> Path:
    """Write API items flattened with dots and without ids, as tables on the web have them."""
    path = folder / "flat.parquet"
    rows = [
        {
            "author.uniqueId": "aa1e9a75977ae",
            "author.verified": False,
            "authorStats.followerCount": 7,
            "createTime": 1699705545 + n,
            "desc": "Kiếp nạn #nuchuu",
            "stats.playCount": 21300 + n,
            "stats.diggCount": 709,
            "video.duration": 169,
            "video.codecType": "h264",
            "hashtags": "#nuchuu",
        }
        for n in range(4)
    ]
    pd.DataFrame(rows).to_parquet(path)
    return path


def aweme(number: int, **changes: Any) -> dict[str, Any]:
    """An item of TikTok's app, whose author and sound have counts of 0 as in lists of a hashtag."""
    post = str(6864614389329284357 + number)
    link = {"uri": "tos-1", "url_list": ["https://p16.example/x"], "width": 720, "height": 720}
    return {
        "aweme_id": post,
        "desc": "roast my form #diving #food (with @someone)",
        "create_time": 1598292592,
        "region": "US",
        "author": {
            "uid": "6718109734736348166", "unique_id": "diver", "nickname": "A Diver",
            "sec_uid": "MS4wLjAB", "signature": "made up", "ins_id": "diver_ins",
            "birthday": "1900-01-01", "follower_count": 0, "following_count": 0,
            "aweme_count": 0, "total_favorited": 0, "custom_verify": "Verified account",
            "avatar_thumb": link,
        },
        "author_user_id": 6718109734736348166,
        "music": {
            "id": 6835837996332222466, "id_str": "6835837996332222466",
            "mid": "6835837996332222466", "title": "Backyard", "author": "C", "user_count": 0,
            "is_original_sound": False, "is_original": False, "duration": 60, "play_url": link,
        },
        "video": {
            "duration": 28652, "width": 576, "height": 1024, "play_addr": link,
            "bit_rate": [{"play_addr": link}],
        },
        "statistics": {
            "aweme_id": post, "play_count": 4163152 + number, "digg_count": 353011,
            "comment_count": 1269, "share_count": 725, "collect_count": 12, "download_count": 293,
        },
        "text_extra": [
            {"user_id": "6620022469750063110", "type": 0, "sec_uid": "MS4w"},
            {"hashtag_name": "diving", "hashtag_id": "7967", "type": 1},
            {"hashtag_name": "food", "hashtag_id": "5", "type": 1},
        ],
        "share_url": f"https://m.tiktok.com/v/{post}.html?u_code=0",
        "desc_language": "en",
    } | changes  # fmt: skip


def tiktok_export(posts: list[dict[str, Any]] | None = None, old: bool = False) -> dict[str, Any]:
    """A data export with what it tells of a person made up, in its present or its older names."""
    first = {
        "Date": "2024-05-12 18:20:31",
        "Link": "https://www.tiktokv.com/share/video/7367890123456789012/",
        "Likes": "17", "WhoCanView": "Public", "AllowComments": "Yes",
        "Sound": "original sound - maker", "Title": "folding a shirt #lifehack", "Location": "",
    }  # fmt: skip
    second = first | {
        "Date": "2024-06-01 07:00:00", "Likes": "5", "Title": "and a towel",
        "Link": "https://v16m.example/3fe1/video/tos/useast2a/8f/?mime_type=video_mp4",
        "Sound": "Backyard - C", "WhoCanView": "Friends",
    }  # fmt: skip
    activity = {
        "Login History": {"LoginHistoryList": [{"Date": "2024-05-01", "IP": "203.0.113.7"}]},
        "Watch History": {"VideoList": [{"Date": "2024-05-01 10:00:00", "Link": "https://x/1"}]},
    }
    profile = {"userName": "maker", "emailAddress": "maker@example.org", "birthDate": "1990-01-01"}
    return {
        "Activity" if old else "Your Activity": activity,
        "App Settings": {"Block List": {"BlockList": []}},
        "Direct Message": {"Direct Messages": {"ChatHistory": {}}},
        "Profile": {
            "Profile Information" if old else "Profile Info": {"ProfileMap": profile},
        },
        "Video" if old else "Post": {
            "Videos" if old else "Posts": {
                "VideoList": [first, second] if posts is None else posts,
            },
        },
    }
