"""Pages that open from disk: one file each, which loads nothing. ``templates`` has the HTML, CSS and JavaScript."""
