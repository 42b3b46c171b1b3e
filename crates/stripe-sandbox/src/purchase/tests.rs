//! Purchases from end to end, as the page makes them.
