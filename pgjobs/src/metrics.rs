//! Counters and histograms of publishers and workers; nothing without feature `metrics`.
