//! Numbers that look random and never change: splitmix64 keyed by seed, table and index.

use jiff::{SignedDuration, Timestamp};

/// A short sequence of numbers that belongs to one row.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// The sequence of a row.
    pub(crate) fn of(seed: u64, table: &str, index: u64) -> Self {
        // FNV-1a over the name keeps tables apart.
        let name = table
            .bytes()
            .fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3));
        let mut random = Self(seed ^ name ^ index.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        random.next();
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; 0 where the bound is 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next().checked_rem(bound).unwrap_or(0)
    }

    /// As [`Random::below`], signed.
    pub(crate) fn signed_below(&mut self, bound: u32) -> i64 {
        i64::try_from(self.below(bound.into())).unwrap_or(0)
    }
}

/// The days before the pod's start over which rows were created.
const DAYS: i64 = 90;

/// When a row was created and last changed, and how often.
#[derive(Clone, Debug)]
pub(crate) struct Life {
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    pub(crate) version: i32,
}

impl Life {
    /// Rows are created in the order of their index over the 90 days before `start`, and changed up
    /// to five days later, never after `start`. A third of the times have no milliseconds
    /// (FACTS 1.12).
    pub(crate) fn of(start: Timestamp, random: &mut Random, index: u64, count: u64) -> Self {
        let span = DAYS * 86_400_000 - 3_600_000;
        let slot = i128::from(span) * i128::from(index) / i128::from(count.max(1));
        let age = i64::try_from(i128::from(span) - slot).unwrap_or(span).saturating_add(1_800_000);
        let created = back(start, age);
        let changed = random.signed_below(3) > 0;
        let later = if changed { random.signed_below(5 * 86_400_000).min(age - 60_000) } else { 0 };
        let updated = back(start, age.saturating_sub(later));
        let version = if changed { 2 + i32::try_from(random.below(4)).unwrap_or(0) } else { 1 };
        // Created and updated lose their milliseconds apart from each other: one answer holds both forms.
        let created = if random.below(3) == 0 { whole(created) } else { created };
        let updated = if random.below(3) == 0 { whole(updated) } else { updated };
        Self { created, updated: updated.max(created), version }
    }
}

fn whole(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

fn back(start: Timestamp, millis: i64) -> Timestamp {
    let start = Timestamp::from_millisecond(start.as_millisecond()).unwrap_or(start);
    start.checked_sub(SignedDuration::from_millis(millis)).unwrap_or(start)
}
