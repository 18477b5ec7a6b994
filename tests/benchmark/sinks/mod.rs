//! Every sink in front of a receiver: how fast it is, what the others suffer from a dead one, and what
//! the daemon weighs with all of them on.

mod dead;
mod delay;
mod footprint;
mod rates;
mod told;

use crate::table::Table;
use crate::{Effort, Places};

pub(crate) fn measure(places: &Places, effort: Effort, table: &mut Table) -> anyhow::Result<()> {
    rates::measure(places, effort, table)?;
    delay::measure(places, effort, table)?;
    footprint::measure(places, effort, table)
}
