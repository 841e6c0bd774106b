"""Pages that open from disk: one file each, which loads nothing. HTML, CSS and JavaScript stand in ``templates``."""
