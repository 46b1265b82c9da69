//! A place that shifted between two pages, found again by the rows before it.

use super::{PAGE, Page, Position, Reader};
use crate::problem::Result;

/// How many pages before a place that shifted, and as many behind it, are looked through.
const LOOKS: usize = 4;
/// Rows to go back where the page at the place is empty and so does not tell how many rows the pod gives.
const LOST_STEP: usize = 20;

impl Reader<'_, '_, '_> {
    /// The page that holds the place which shifted, looked for before and behind by as many rows as the pod
    /// gives at once: the rank of the mark that was found, the place in the page, the page's own offset.
    pub(super) fn look_around(
        &mut self,
        position: &Position,
        offset: usize,
        page: &Page,
        marks: &[String],
    ) -> Result<Option<(usize, usize, usize, Page)>> {
        let step = page.entries.len().saturating_sub(1);
        let (mut low, mut high) = (offset, Some(offset + step).filter(|_| page.more && step > 0));
        let mut back = if step == 0 { LOST_STEP } else { step };
        let mut best: Option<(usize, usize, usize, Page)> = None;
        for look in 0..2 * LOOKS {
            let from = match (look % 2 == 0, high) {
                (true, _) if low > 0 => {
                    low = low.saturating_sub(back);
                    low
                }
                (false, Some(from)) => from,
                _ => continue,
            };
            let found = self.page(position, from, PAGE)?;
            let rows = found.entries.len().saturating_sub(1);
            if look % 2 == 0 {
                back = rows.max(1);
                // The step back was a guess: what lies between is looked through forwards.
                if step == 0 && high.is_none() {
                    high = Some(from + rows).filter(|next| found.more && *next > from);
                }
            } else {
                high = Some(from + rows).filter(|next| found.more && *next > from);
            }
            if let Some((rank, begin)) = self.search.find(position, &found, marks)
                && best.as_ref().is_none_or(|(nearest, ..)| rank < *nearest)
            {
                best = Some((rank, begin, from, found));
                if rank == 0 {
                    break;
                }
            }
        }
        Ok(best)
    }
}
