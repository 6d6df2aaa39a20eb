//! What is served over HTTP, for your own axum program or by the command line.
