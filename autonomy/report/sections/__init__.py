"""The sections of a report, one file each: `section(drive) -> Section`, in the order of the page."""
