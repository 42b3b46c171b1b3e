//! What an account has of one kind, in the order of its making.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Objects of one kind, by their ids. What has much in it is behind an [`Arc`], so that a copy of an object costs little.
#[derive(Serialize, Deserialize)]
pub(crate) struct Collection<T> {
    objects: HashMap<Arc<str>, (usize, T)>,
    /// The ids. The place of what was removed stays, empty, so that the others keep theirs.
    order: Vec<Arc<str>>,
    /// What may have changed since it was last written, and its place then; none where it was not there.
    #[serde(skip)]
    touched: HashMap<Arc<str>, Option<usize>>,
}

impl<T> Default for Collection<T> {
    fn default() -> Self {
        Self { objects: HashMap::new(), order: Vec::new(), touched: HashMap::new() }
    }
}

impl<T: Clone> Collection<T> {
    pub(crate) fn get(&self, id: &str) -> Option<&T> {
        self.objects.get(id).map(|(_, object)| object)
    }

    /// An object to change, with its id as it is kept.
    pub(crate) fn get_mut(&mut self, id: &str) -> Option<(Arc<str>, &mut T)> {
        let (id, (place, _)) = self.objects.get_key_value(id)?;
        let (id, place) = (Arc::clone(id), *place);
        self.touched.entry(Arc::clone(&id)).or_insert(Some(place));
        let (_, object) = self.objects.get_mut(&id)?;
        Some((id, object))
    }

    /// Adds an object behind all others. There is none with its id.
    pub(crate) fn add(&mut self, id: Arc<str>, object: T) {
        debug_assert!(!self.objects.contains_key(&id), "{id} is there already");
        self.touched.entry(Arc::clone(&id)).or_insert(None);
        self.order.push(Arc::clone(&id));
        self.objects.insert(id, (self.order.len() - 1, object));
    }

    /// Removes an object; answers where it was.
    pub(crate) fn remove(&mut self, id: &str) -> Option<(Arc<str>, usize, T)> {
        let (id, (place, object)) = self.objects.remove_entry(id)?;
        self.touched.entry(Arc::clone(&id)).or_insert(Some(place));
        if let Some(kept) = self.order.get_mut(place) {
            *kept = Arc::default();
        }
        Some((id, place, object))
    }

    /// Puts back what was removed.
    pub(crate) fn restore(&mut self, id: Arc<str>, place: usize, object: T) {
        if let Some(kept) = self.order.get_mut(place) {
            *kept = Arc::clone(&id);
        }
        self.objects.insert(id, (place, object));
    }

    /// How many places there are, those of what was removed included.
    pub(crate) fn places(&self) -> usize {
        self.order.len()
    }

    /// Takes back what was added since there were so many.
    pub(crate) fn truncate(&mut self, places: usize) {
        for id in self.order.drain(places.min(self.order.len())..) {
            self.objects.remove(&id);
        }
    }

    pub(crate) fn all(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.order.iter().filter_map(|id| self.get(id))
    }

    /// Up to `limit` objects that `fits` lets through, the newest first, and whether there are more: those older than the
    /// object `after`, or just newer than `before`.
    ///
    /// # Errors
    /// The one of the two names that names nothing.
    pub(crate) fn page<'p>(
        &self,
        (after, before): (Option<&'p str>, Option<&'p str>),
        limit: usize,
        fits: impl Fn(&T) -> bool,
    ) -> Result<(Vec<&T>, bool), &'p str> {
        let place = |id: &'p str| self.objects.get(id).map(|(place, _)| *place).ok_or(id);
        let (after, before) = (after.map(place).transpose()?, before.map(place).transpose()?);
        let object = |id: &Arc<str>| self.get(id).filter(|object| fits(object));
        let mut found: Vec<&T> = match before {
            Some(before) => self.order.iter().skip(before + 1).filter_map(object).take(limit + 1).collect(),
            None => {
                let older = self.order.iter().take(after.unwrap_or(self.order.len())).rev();
                older.filter_map(object).take(limit + 1).collect()
            }
        };
        let has_more = found.len() > limit;
        found.truncate(limit);
        if before.is_some() {
            found.reverse();
        }
        Ok((found, has_more))
    }

    #[cfg(test)]
    pub(crate) fn has_changes(&self) -> bool {
        !self.touched.is_empty()
    }

    pub(crate) fn forget_changes(&mut self) {
        self.touched = HashMap::new();
    }

    /// Takes what changed since the last call: none for what was removed, and then, in the order of its making, what is there.
    /// What was removed and made again is in both.
    pub(crate) fn take_changes(&mut self) -> Vec<(Arc<str>, Option<T>)> {
        let mut changes = Vec::new();
        for (id, before) in std::mem::take(&mut self.touched) {
            let kept = self.objects.get(&id);
            let place = kept.map(|(place, _)| *place);
            if before.is_some() && before != place {
                changes.push((None, Arc::clone(&id), None));
            }
            if let Some((_, object)) = kept {
                changes.push((place, id, Some(object.clone())));
            }
        }
        changes.sort_by_key(|(place, ..)| *place);
        changes.into_iter().map(|(_, id, object)| (id, object)).collect()
    }

    /// Brings what there was earlier of an object up to date.
    pub(crate) fn apply(&mut self, id: Arc<str>, object: Option<T>) {
        match (object, self.objects.get_mut(&id)) {
            (Some(object), Some((_, kept))) => *kept = object,
            (Some(object), None) => self.add(id, object),
            (None, _) => {
                self.remove(&id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(all: &Collection<u32>) -> Vec<u32> {
        all.all().copied().collect()
    }

    fn id(number: u32) -> Arc<str> {
        number.to_string().into()
    }

    #[test]
    fn changes_bring_a_copy_up_to_date_in_its_order() {
        let mut dice = fastrand::Rng::with_seed(7);
        let (mut all, mut copy) = (Collection::default(), Collection::default());
        for round in 0..2_000 {
            for _ in 0..dice.u32(0..6) {
                let id = id(dice.u32(0..8));
                match dice.u32(0..4) {
                    0 => drop(all.remove(&id)),
                    1 => {
                        let mark = all.places();
                        let removed = all.remove(&id);
                        if removed.is_some() && dice.bool() {
                            all.add(Arc::clone(&id), round);
                        }
                        // As a call that was refused.
                        all.truncate(mark);
                        if let Some((id, place, object)) = removed {
                            all.restore(id, place, object);
                        }
                    }
                    _ => match all.get_mut(&id) {
                        Some((_, object)) => *object = round,
                        None => all.add(id, round),
                    },
                }
            }
            for (id, object) in all.take_changes() {
                copy.apply(id, object);
            }
            assert_eq!(told(&all), told(&copy));
            assert!(!all.has_changes());
        }
    }

    #[test]
    fn pages_pass_over_what_was_removed() {
        let mut all = Collection::default();
        (0..6).for_each(|number| all.add(id(number), number));
        all.remove("3");
        let page = |after, before, limit| {
            all.page((after, before), limit, |number| *number != 1)
                .map(|(found, has_more)| (found.into_iter().copied().collect::<Vec<_>>(), has_more))
        };
        assert_eq!(page(None, None, 3), Ok((vec![5, 4, 2], true)));
        assert_eq!(page(Some("4"), None, 3), Ok((vec![2, 0], false)));
        assert_eq!(page(None, Some("0"), 2), Ok((vec![4, 2], true)));
        assert_eq!(page(None, Some("4"), 2), Ok((vec![5], false)));
        assert_eq!(page(Some("3"), None, 2), Err("3"));
    }
}
