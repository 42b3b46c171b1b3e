//! What an account has of one kind, in the order of its making.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Objects of one kind, by their ids. A copy of one costs little: what has much in it is behind an [`Arc`].
#[derive(Serialize, Deserialize)]
pub(crate) struct Collection<T> {
    objects: HashMap<Arc<str>, (usize, T)>,
    /// The ids. The place of what was removed stays, empty, so that the others keep theirs.
    order: Vec<Arc<str>>,
    /// What may have changed since it was last written.
    #[serde(skip)]
    touched: HashSet<Arc<str>>,
}

impl<T> Default for Collection<T> {
    fn default() -> Self {
        Self { objects: HashMap::new(), order: Vec::new(), touched: HashSet::new() }
    }
}

impl<T: Clone> Collection<T> {
    pub(crate) fn get(&self, id: &str) -> Option<&T> {
        self.objects.get(id).map(|(_, object)| object)
    }

    /// An object to change, with its id as it is kept.
    pub(crate) fn get_mut(&mut self, id: &str) -> Option<(Arc<str>, &mut T)> {
        let (id, _) = self.objects.get_key_value(id)?;
        let id = Arc::clone(id);
        self.touched.insert(Arc::clone(&id));
        let (_, object) = self.objects.get_mut(&id)?;
        Some((id, object))
    }

    /// Adds an object behind all others.
    pub(crate) fn add(&mut self, id: Arc<str>, object: T) {
        self.touched.insert(Arc::clone(&id));
        self.order.push(Arc::clone(&id));
        self.objects.insert(id, (self.order.len() - 1, object));
    }

    /// Removes an object; answers where it was.
    pub(crate) fn remove(&mut self, id: &str) -> Option<(Arc<str>, usize, T)> {
        let (id, (place, object)) = self.objects.remove_entry(id)?;
        self.touched.insert(Arc::clone(&id));
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

    /// How many were ever added.
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
        self.touched = HashSet::new();
    }

    /// Takes what changed since the last call, in the order of its making; none where it was removed.
    pub(crate) fn take_changes(&mut self) -> Vec<(Arc<str>, Option<T>)> {
        let touched = std::mem::take(&mut self.touched).into_iter().map(|id| (self.objects.get(&id), id));
        let mut changes: Vec<_> = touched.map(|(kept, id)| (kept.map(|(place, _)| *place), id, kept)).collect();
        changes.sort_by_key(|(place, ..)| *place);
        changes.into_iter().map(|(_, id, kept)| (id, kept.map(|(_, object)| object.clone()))).collect()
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
