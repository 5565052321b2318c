//! What is said of a scenario's trials: a line each, and at the end those that nothing noticed.

use std::fmt;

use super::{Change, Noticed, Site, Teeth, Trial};

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}:{}:{}", self.file, self.line, self.column))
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::LeftOut => "left out",
            Self::Doubled => "made twice",
        })
    }
}

impl fmt::Display for Teeth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scenario, seeds, trials, stopped_early } = self;
        let seeds = seeds.end - seeds.start;
        let early = if *stopped_early { "; stopped early" } else { "" };
        let (all, unnoticed) = (trials.len(), self.unnoticed().count());
        writeln!(f, "{scenario}: {all} changes of its code, one at a time, up to {seeds} seeds each{early}")?;
        let widest = |width: fn(&Trial) -> usize| trials.iter().map(width).max().unwrap_or(0);
        let site = widest(|trial| trial.site.to_string().len());
        let call = widest(|trial| trial.site.call.to_string().len());
        for Trial { site: at, change, seeds_with_call, noticed } in trials {
            write!(f, "  {at:<site$}  {:<call$}  {change:<10}  ", at.call)?;
            match noticed {
                Some(Noticed { by, seed, .. }) => writeln!(f, "noticed by {by} in seed {seed}")?,
                None => {
                    writeln!(f, "NOBODY NOTICED; the call is made in {seeds_with_call} of {seeds} seeds")?;
                }
            }
        }
        if unnoticed == 0 {
            return writeln!(f, "Each was noticed.");
        }
        writeln!(
            f,
            "{unnoticed} of {all} were noticed by nobody: no promise, no rule, no client. Either the call is not needed, or no \
             promise looks at what it is there for:"
        )?;
        for Trial { site, change, .. } in self.unnoticed() {
            writeln!(f, "  {site}: {} can be {change}", site.call)?;
        }
        Ok(())
    }
}
