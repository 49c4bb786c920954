"""The web page of a collection: browse, search, compare, map, label, export; and the same as a JSON API.

```
                     ┌─ pages ─ templates, static      for people: plain HTML, with a little script on top
security ▶ app ──────┤
 hosts, token,       └─ api ─── schemas                for programs: JSON, described in /openapi.json
 origin, sizes              │
                     browse (conditions, facets) ─ search ─ maps ─ labels ─ exports
                     catalogue (tables, videos)
                       └─ source_files (which file may be opened, is it still the same)
                            └─ clip_cache ─▶ clip_worker    moving thumbnails and pieces, in processes with limits
```
"""
