//! Following triggers for months: when to poll next, and what is done with what came.
//!
//! The order is what keeps the promise. The keys of an answer are announced, its events handed over, and then
//! keys and cursor are committed together ([`round`]). Whatever breaks off before the commit comes again, and is
//! marked as a repetition; whatever breaks off before the announcement was never handed over. [`runner`] does this
//! for as many subscriptions as there are, within fixed bounds of calls and answers.

pub mod breaker;
pub mod line;
pub mod pace;
pub mod queue;
pub mod round;
pub mod runner;
pub mod sink;
mod work;

pub use self::pace::{Bounds, Pace};
pub use self::round::{Round, Teller};
pub use self::runner::{Runner, Settings, Source, Subscription};
