"""Whether the access log is whole: which numbers of which run are filed."""
