"""The web page of a collection: browse, search, compare, map, label, export; and the same as a JSON API.

```
                     ┌─ pages ─ templates, static      for people: plain HTML, with a little script on top
guard ─▶ app ────────┤
 hosts, token,       └─ api ─── schemas                for programs: JSON, described in /openapi.json
 origin, sizes              │
                     catalogue (tables, videos) ─ queries ─ maps ─ labels ─ exports
                       └─ originals (which file may be opened, is it still the same)
                            └─ cuts ─▶ cutting          moving thumbnails and pieces, in processes with limits
```
"""
