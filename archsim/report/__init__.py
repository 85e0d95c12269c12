"""From a report to what people read: tables, plots, pages and timelines."""
