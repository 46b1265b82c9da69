//! The engine room of bulk files: rows of delimited text read and written as streams, keys of millions of rows
//! sorted in bounded memory, zips written and read.
//!
//! It knows nothing of what the rows mean. It is a crate of its own since it is built for speed, where the rest
//! of the component is built small. No input makes it panic, and none makes it hold more than a record.

mod block;
pub mod delimited;
pub mod keys;
pub mod plain;
pub mod zip;
