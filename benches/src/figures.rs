//! What somebody has needed, turn by turn.

/// Nanoseconds of one and the same, one figure a turn.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    ascending: Vec<f64>,
}

impl Figures {
    /// Adds the figure of a turn.
    pub fn add(&mut self, nanoseconds: f64) {
        let at = self.ascending.partition_point(|one| *one <= nanoseconds);
        self.ascending.insert(at, nanoseconds);
    }

    /// How many turns there were.
    #[must_use]
    pub fn turns(&self) -> usize {
        self.ascending.len()
    }

    /// The figure in the middle.
    #[must_use]
    pub fn median(&self) -> f64 {
        self.ascending[self.turns() / 2]
    }

    /// The quarter below and the quarter above which the other figures are.
    #[must_use]
    pub fn quartiles(&self) -> (f64, f64) {
        let turns = self.turns();
        (self.ascending[turns / 4], self.ascending[turns * 3 / 4])
    }
}
