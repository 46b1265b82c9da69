//! Fusion's protocol: addresses, queries, pages, errors, and what is known of resources.

pub mod access;
pub mod address;
pub mod atom;
pub mod attributes;
pub mod audit;
pub mod body;
pub mod catalogue;
pub mod changes;
pub mod describe;
pub mod directory;
pub mod errors;
pub mod keyset;
pub mod modules;
pub mod monitor;
pub mod opaque;
pub mod page;
pub mod pod;
pub mod query;
pub mod record;
pub mod shape;
pub mod target;
pub mod time;
pub mod write;
