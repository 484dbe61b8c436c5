//! The integration tests, one binary: everything through the front door.

mod ingest;
