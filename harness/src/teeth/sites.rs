//! The places in object code that call, and what stands between them and the system in a trial.
//!
//! A call that is left out has no effect and is heard of by nobody; its code goes on at once and is told that all is well: a write is
//! done, a removed key was there, an alarm is set for the time that was given, a service has answered 200 with an empty body. Calls that
//! change nothing (reads, `sync`) and a transaction as a whole are left alone; the writes in it are not.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::panic::Location;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use reveille_system::ids::{Epoch, Stamp};
use reveille_system::object::class::{Class, Classes, Instance};
use reveille_system::object::port::Port;
use reveille_system::object::port::intercept::{self, Interceptor, Outbound};
use reveille_system::words::call::{Call, Reply};
use reveille_system::words::outside::OutsideAnswer;
use serde::Serialize;

use crate::scenario::Scenario;

/// A place in object code that makes a call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Site {
    /// The file, as the compiler was given it.
    pub file: &'static str,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
    /// What is called there.
    pub call: Called,
}

/// What is called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Called {
    /// This method of an object's storage.
    Storage(&'static str),
    /// An outside service.
    Service(Arc<str>),
}

/// What is done to a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Its call is never made.
    LeftOut,
    /// Its call is made twice each time.
    Doubled,
}

impl Site {
    fn new(at: intercept::Site, call: Called) -> Self {
        Self { file: at.file(), line: at.line(), column: at.column(), call }
    }

    fn is_at(&self, at: &Location<'_>) -> bool {
        (self.line, self.column) == (at.line(), at.column()) && self.file == at.file()
    }

    /// The service that is called there, if one is.
    pub fn service(&self) -> Option<&str> {
        match &self.call {
            Called::Service(service) => Some(service),
            Called::Storage(_) => None,
        }
    }
}

impl fmt::Display for Called {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Storage(method) => f.pad(method),
            Self::Service(service) => f.pad(&format!("a call to {service}")),
        }
    }
}

/// The name of a storage call that changes something, and what its code is told if it is left out.
fn left_out(call: &Call) -> Option<(&'static str, Reply)> {
    const NO_ALARM: Stamp = Stamp { epoch: Epoch(0), count: 0 };
    Some(match call {
        Call::Put(..) => ("put", Reply::Done),
        Call::PutMany(_) => ("put_many", Reply::Done),
        Call::Delete(_) => ("delete", Reply::Deleted(true)),
        Call::DeleteMany(keys) => {
            ("delete_many", Reply::DeletedCount(u32::try_from(keys.len()).unwrap_or(u32::MAX)))
        }
        Call::DeleteAll { .. } => ("delete_all", Reply::Done),
        Call::SetAlarm { time_ms } => {
            ("set_alarm", Reply::AlarmSet { alarm: NO_ALARM, scheduled_ms: *time_ms })
        }
        Call::DeleteAlarm => ("delete_alarm", Reply::Done),
        Call::Get(_) | Call::GetMany(_) | Call::List(_) | Call::Sync | Call::GetAlarm | Call::Transaction => {
            return None;
        }
    })
}

/// The places that were found in runs, each with the number of runs in which it called.
#[derive(Clone, Debug, Default)]
pub(super) struct Found(Arc<Mutex<BTreeMap<Site, u64>>>);

impl Found {
    pub(super) fn sites(&self) -> BTreeMap<Site, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Looks at the calls of one run, and lets all of them pass.
#[derive(Debug)]
struct Watch {
    found: Found,
    in_this_run: RefCell<BTreeSet<Site>>,
}

impl Watch {
    fn see(&self, site: Site) {
        if self.in_this_run.borrow_mut().insert(site.clone()) {
            let mut found = self.found.0.lock().unwrap_or_else(PoisonError::into_inner);
            *found.entry(site).or_default() += 1;
        }
    }
}

impl Interceptor for Watch {
    fn storage(&self, at: intercept::Site, call: &Call) -> Option<Reply> {
        if let Some((method, _)) = left_out(call) {
            self.see(Site::new(at, Called::Storage(method)));
        }
        None
    }

    fn outside(&self, at: intercept::Site, service: &str) -> Outbound {
        self.see(Site::new(at, Called::Service(service.into())));
        Outbound::Once
    }
}

/// Changes one place.
#[derive(Debug)]
struct Changed {
    site: Site,
    change: Change,
}

impl Interceptor for Changed {
    fn storage(&self, at: intercept::Site, call: &Call) -> Option<Reply> {
        if !self.site.is_at(at) {
            return None;
        }
        left_out(call).filter(|(method, _)| self.site.call == Called::Storage(method)).map(|(_, reply)| reply)
    }

    fn outside(&self, at: intercept::Site, service: &str) -> Outbound {
        let is_here = self.site.is_at(at) && self.site.service() == Some(service);
        match self.change {
            _ if !is_here => Outbound::Once,
            Change::Doubled => Outbound::Twice,
            Change::LeftOut => Outbound::Lost(OutsideAnswer::of(200, "")),
        }
    }
}

/// The scenario, and what finds the places of its code that call.
pub(super) fn watched(scenario: &Scenario, found: &Found) -> Scenario {
    let found = found.clone();
    intercepted(scenario, move || Rc::new(Watch { found: found.clone(), in_this_run: RefCell::default() }))
}

/// The scenario with one place changed.
pub(super) fn changed(scenario: &Scenario, site: &Site, change: Change) -> Scenario {
    let site = site.clone();
    intercepted(scenario, move || Rc::new(Changed { site: site.clone(), change }))
}

/// The scenario with something between its classes and the system, made anew for each run.
fn intercepted(
    scenario: &Scenario,
    by: impl Fn() -> Rc<dyn Interceptor> + Send + Sync + 'static,
) -> Scenario {
    let code = scenario.code.clone().with_classes(move |classes| {
        let by = by();
        classes.all().fold(Classes::default(), |all, inner| all.with(Intercepted { inner, by: by.clone() }))
    });
    Scenario { code, ..scenario.clone() }
}

/// A class with something between its instances and their hosts.
struct Intercepted {
    inner: Rc<dyn Class>,
    by: Rc<dyn Interceptor>,
}

impl Class for Intercepted {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn declares_alarm(&self) -> bool {
        self.inner.declares_alarm()
    }

    fn echoes(&self) -> bool {
        self.inner.echoes()
    }

    fn instantiate(&self, port: Port) -> Box<dyn Instance> {
        self.inner.instantiate(port.intercepted(self.by.clone()))
    }
}
