//! Which checkpoints stay: enough to resume from even if the newest are damaged, and to look into the past
//! from nearby, without the log's length in checkpoints.

/// How many of the newest stay in any case.
pub(crate) const NEWEST: usize = 3;

/// Removes what need not stay from `stored` (what each checkpoint is up to, oldest first), and gives it
/// back. Of those before the newest few, one stays for each power of two of distance to the newest: the
/// oldest, since it is the one that will stand for the next power.
pub(super) fn thin_out(stored: &mut Vec<u64>) -> Vec<u64> {
    let Some(&newest) = stored.last() else {
        return vec![];
    };
    let certain = stored.len().saturating_sub(NEWEST);
    let mut last = None;
    let mut at = 0;
    let gone = |upto: &mut u64| {
        let power = newest.saturating_sub(*upto).checked_ilog2();
        let gone = at < certain && last == Some(power);
        (last, at) = (Some(power), at + 1);
        gone
    };
    stored.extract_if(.., gone).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is stored after a run with a checkpoint at each of `uptos`.
    fn run(uptos: impl Iterator<Item = u64>) -> Vec<u64> {
        let mut stored = vec![];
        for upto in uptos {
            stored.push(upto);
            thin_out(&mut stored);
        }
        stored
    }

    #[test]
    fn the_newest_stay() {
        for n in 1..200 {
            let stored = run((0..n).map(|i| i * 10));
            let newest: Vec<_> = (0..n).map(|i| i * 10).rev().take(NEWEST).collect();
            assert!(newest.iter().all(|upto| stored.contains(upto)), "{n}: {stored:?}");
        }
    }

    #[test]
    fn few_stay_and_all_distances_have_one_near() {
        for step in [1, 7, 1_000, 12_345] {
            let stored = run((1..5_000).map(|i| i * step));
            assert!(stored.len() <= NEWEST + 15, "{stored:?}");
            let newest = 4_999 * step;
            let distances: Vec<_> = stored.iter().rev().skip(1).map(|upto| newest - upto).collect();
            assert!(*distances.last().unwrap() >= newest / 2, "{distances:?}");
            assert!(distances.windows(2).all(|pair| pair[1] <= pair[0] * 8), "{distances:?}");
        }
    }

    #[test]
    fn what_is_given_back_is_what_went() {
        let mut stored: Vec<u64> = (0..100).collect();
        let mut all = thin_out(&mut stored);
        all.extend(&stored);
        all.sort_unstable();
        assert_eq!(all, (0..100).collect::<Vec<_>>());
        assert_eq!(thin_out(&mut vec![]), Vec::<u64>::new());
    }
}
