"""200 strings that strangers may write as captions and names, to break a page, a table or a shell.

`MARKER` is the name that every script among them would set on the window, so that a browser can be
asked whether one ran; none of them needs a network.
"""

from html import escape
from urllib.parse import quote

MARKER = "pwned"
RUN = f"window.{MARKER}=1"

OUTBREAKS = ("", '">', "'>", "`>", "-->", "</title>", "</style>", "</script>", "</textarea>", "]]>")
"""What leads out of the place where a text stands: attributes, comments, elements."""

ELEMENTS = (
    f"<script>{RUN}</script>",
    f"<img src=x onerror={RUN}>",
    f"<svg onload={RUN}>",
    f"<svg><script>{RUN}</script></svg>",
    f"<details open ontoggle={RUN}><summary>x</summary></details>",
    f"<iframe srcdoc='<script>parent.{MARKER}=1</script>'></iframe>",
    f"<a href='javascript:{RUN}' autofocus onfocus={RUN}>click</a>",
    f"<input autofocus onfocus={RUN}>",
    f"<math><mtext><img src=x onerror={RUN}></mtext></math>",
    f"<video><source onerror={RUN}></video>",
    f"<object data='data:text/html,<script>{RUN}</script>'></object>",
    "<base href='//example.invalid/'><link rel=stylesheet href=x.css>",
    f"<meta http-equiv=refresh content='0;url=javascript:{RUN}'>",
    f"<form action='javascript:{RUN}'><button>send</button></form>",
    "<style>*{display:none}</style>",
)
"""Elements that run something, or change the page."""

SINGLE = (
    f'" onmouseover="{RUN}',
    f"' onmouseover='{RUN}",
    f'" style="background:url(javascript:{RUN})',
    f"javascript:{RUN}",
    f"data:text/html,<script>{RUN}</script>",
    f"<ScRiPt>{RUN}</sCrIpT>",
    f"<<script>{RUN}//<</script>",
    f"<script\x00>{RUN}</script>",
    f"<img src=x onerror&#61;{RUN}>",
    f"<img/src=x/onerror={RUN}>",
    f"<img src='x'\nonerror\n=\n{RUN}>",
    f"\uff1cscript\uff1e{RUN}\uff1c/script\uff1e",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;&#x6A;&#97",
    "'\"`;--<!--",
    "<!--<script>",
    "<![CDATA[ <b>bold</b> ]]>",
    "<b>bold</b><h1>huge</h1>",
    "{{ 7 * 7 }}{% include 'x' %}{# gone #}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "${7*7} #{7*7} <%= 7*7 %>",
    "{0} {x} {spread} {__class__} {}",
    "%s %(x)s %n %y %{customdata}",
    "$\\alpha$ \\input{x} $$x^2$$",
    "=1+1",
    '=HYPERLINK("file:///etc/passwd","click")',
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "+1-1",
    "-2+3+cmd|' /C calc'!A0",
    "\t=1+1",
    'a,b;c\td"e',
    "line\u2028separator\u2029end",
    "first\r\nsecond\rthird\n",
    "\u202eright to left\u202c \u2066isolate",
    "\x00\x07\ufeffnull \u200bzero",
    "\x1b[31mred\x1b[0m \x1b]0;title\x07",
    "[bold red]rich[/bold red] [link=file:///x]x[/link]",
    "../../etc/passwd",
    "$(touch x) `touch x` ; touch x",
    "'; DROP TABLE posts; --",
    "\ud7ff\ufffd\uffff",
    "Z\u0351\u036b\u0343\u036a\u0302\u036b\u033da\u034f\u0334lgo",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466" * 20,
    "w" * 5000,
    "caf\u00e9 \u65e5\u672c\u8a9e \u0627\u0644\u0639\u0631\u0628\u064a\u0629",
    "constructor",
    "__proto__",
    "toString",
    "</svg><script>" + RUN + "</script>",
    "<title>" + RUN + "</title>",
)

ATTACKS: tuple[str, ...] = tuple(
    dict.fromkeys(
        (
            *(f"{ELEMENTS[0]}", '"><img src=x onerror=' + RUN + ">"),
            *SINGLE,
            *(out + element for out in OUTBREAKS for element in ELEMENTS),
            *(escape(one) for one in ELEMENTS),
            *(quote(one) for one in ELEMENTS),
        )
    )
)[:200]
