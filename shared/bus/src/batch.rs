//! How a batch of mixed commands is divided among handlers without changing the order of any key.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

/// Splits `items` into rounds. A round has items of one kind only, and an item comes in a later round than every
/// earlier item of the same group: what is in one group keeps its order, what is not may be taken together.
pub(crate) fn rounds<T, K, G>(items: Vec<T>, kind: impl Fn(&T) -> K, group: impl Fn(&T) -> G) -> Vec<(K, Vec<T>)>
where
    K: Copy + Eq + Hash,
    G: Eq + Hash,
{
    let mut rounds = Vec::new();
    let mut rest = items;
    while let Some(first) = rest.first().map(&kind) {
        let mut blocked: HashSet<G> = HashSet::new();
        let (mut taken, mut left) = (Vec::with_capacity(rest.len()), Vec::new());
        for item in rest {
            if kind(&item) == first && !blocked.contains(&group(&item)) {
                taken.push(item);
            } else {
                blocked.insert(group(&item));
                left.push(item);
            }
        }
        rounds.push((first, taken));
        rest = left;
    }
    rounds
}

/// Gathers values under keys, keeping the order in which keys first appear.
pub(crate) fn gather<K: Eq + Hash + Clone, V>(pairs: impl Iterator<Item = (K, V)>) -> Vec<(K, Vec<V>)> {
    let mut places: HashMap<K, usize> = HashMap::new();
    let mut gathered: Vec<(K, Vec<V>)> = Vec::new();
    for (key, value) in pairs {
        let next = gathered.len();
        let place = *places.entry(key.clone()).or_insert(next);
        match gathered.get_mut(place) {
            Some((_, values)) => values.push(value),
            None => gathered.push((key, vec![value])),
        }
    }
    gathered
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_item_comes_once_and_groups_keep_their_order(
            items in prop::collection::vec((0_u8..4, 0_u8..5), 0..200),
        ) {
            let numbered: Vec<_> = items.iter().copied().enumerate().collect();
            let rounds = rounds(numbered.clone(), |(_, (kind, _))| *kind, |(_, (_, group))| *group);
            for (kind, round) in &rounds {
                prop_assert!(round.iter().all(|(_, (k, _))| k == kind));
            }
            let flat: Vec<_> = rounds.into_iter().flat_map(|(_, round)| round).collect();
            for group in 0..5 {
                let before: Vec<_> = numbered.iter().filter(|(_, (_, g))| *g == group).collect();
                let after: Vec<_> = flat.iter().filter(|(_, (_, g))| *g == group).collect();
                prop_assert_eq!(before, after);
            }
            prop_assert_eq!(flat.len(), numbered.len());
        }
    }

    #[test]
    fn one_kind_is_one_round() {
        assert_eq!(rounds(vec![1, 2, 3], |_| 'a', |n| *n).len(), 1);
    }
}
