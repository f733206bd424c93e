//! Makes the services of a config from the tables `[service.NAME]`: one table over another, the choice of
//! `--service`, and what the tables must not say.

use std::path::Path;

use super::checks::{Checked, named};
use super::error::{ConfigError, SettingName, nearest};
use super::table::{Layer, ServiceKeys};
use super::{Config, Origin, Ready, Runs, ServiceConfig, Setting, Stdin, units};
use crate::words::ServiceId;

/// More is a mistake.
const MOST: usize = 1000;

/// How many services an error lists.
const LISTED: usize = 8;

/// A table `[service.NAME]`: of one file, or of all.
pub(super) struct Table {
    pub(super) name: String,
    /// Where its name stands.
    pub(super) origin: Origin,
    /// Only the keys of services are set.
    pub(super) layer: Layer,
}

/// Merges tables over those of lower precedence, service by service and key by key.
pub(super) fn over(higher: Vec<Table>, mut lower: Vec<Table>) -> Vec<Table> {
    for table in higher {
        match lower.iter_mut().find(|known| known.name == table.name) {
            Some(known) => {
                known.layer = table.layer.over(std::mem::take(&mut known.layer));
                known.origin = table.origin;
            }
            None => lower.push(table),
        }
    }
    lower
}

/// The sources that services are made of.
pub(super) struct Services<'a> {
    pub(super) tables: Vec<Table>,
    /// Command line and environment, which win over the tables.
    pub(super) typed: &'a Layer,
    /// The other tables of the files, whose `[run]` has the defaults.
    pub(super) files: &'a Layer,
    /// `--service`.
    pub(super) chosen: &'a [String],
    pub(super) cwd: &'a Path,
}

impl Services<'_> {
    /// Returns the services that run, or `None` without tables.
    pub(super) fn settle(&self) -> Result<Option<Vec<ServiceConfig>>, ConfigError> {
        if self.tables.is_empty() {
            return match self.chosen.first() {
                Some(name) => Err(not_chosen(
                    name,
                    "there are no services",
                    "`hotrun.toml` names them in tables: `[service.NAME]`".to_owned(),
                )),
                None => Ok(None),
            };
        }
        self.check_rest()?;
        let layers: Vec<Layer> = self
            .tables
            .iter()
            .map(|table| self.typed.clone().over(table.layer.clone()).over(self.files.clone()))
            .collect();
        for table in &self.tables {
            self.check_table(table)?;
        }
        self.check_sockets(&layers)?;
        let mut services = Vec::new();
        for (table, layer) in self.tables.iter().zip(layers) {
            services.push(self.service(table, layer.settle())?);
        }
        self.check_cycles(&services, "after", |service| &service.after)?;
        self.check_cycles(&services, "restart-with", |service| &service.restart_with)?;
        let services = self.choose(services)?;
        self.check_terminal(&services)?;
        Ok(Some(services))
    }

    /// Refuses settings beside the tables that belong into one of them.
    fn check_rest(&self) -> Result<(), ConfigError> {
        if let Some(table) = self.tables.get(MOST) {
            return Err(ConfigError::Value {
                setting: self.named(table, ""),
                value: table.name.clone(),
                reason: format!("hotrun runs at most {MOST} services"),
                hint: None,
            });
        }
        let first = &self.tables[0];
        let refused = |key: &str, option: &str, origin: &Origin, reason: &str, hint: String| {
            let second = self.named(first, "");
            Err(ConfigError::Conflict {
                first: named(key, option, origin, self.cwd),
                second,
                reason: reason.to_owned(),
                hint,
            })
        };
        for layer in [self.typed, self.files] {
            let (run, build) = (&layer.run, &layer.build);
            let args = run.args.as_ref().filter(|args| !args.value.is_empty());
            let ready = run.ready.as_ref().filter(|ready| ready.value != Ready::Auto);
            let origins = [
                ("args", "--", args.map(|args| &args.origin)),
                ("listen", "--listen", run.listen.iter().flatten().map(|listen| &listen.origin).next()),
                ("ready", "--ready", ready.map(|ready| &ready.origin)),
            ];
            for (name, option, origin) in origins {
                if let Some(origin) = origin {
                    let hint =
                        format!("set `{name}` in the table of the service it is for: {}", self.tables());
                    return refused(
                        &format!("run.{name}"),
                        option,
                        origin,
                        ": it is not said which service it is for",
                        hint,
                    );
                }
            }
            let origins = [("package", &build.package), ("bin", &build.bin), ("example", &build.example)];
            for (name, setting) in origins {
                if let Some(setting) = setting {
                    let hint = format!("set `{name}` in the table of a service; `-s` chooses services");
                    return refused(
                        &format!("build.{name}"),
                        &format!("--{name}"),
                        &setting.origin,
                        ": each service names its own program",
                        hint,
                    );
                }
            }
        }
        Ok(())
    }

    /// Refuses a table that runs nothing, or two things, and keys that make no sense together.
    fn check_table(&self, table: &Table) -> Result<(), ConfigError> {
        let own = &table.layer.own;
        let programs = [("package", &own.package), ("bin", &own.bin), ("example", &own.example)];
        let program = programs.iter().find_map(|(name, it)| Some((*name, &it.as_ref()?.origin)));
        let conflict =
            |(first, origin): (&str, &Origin), (second, other): (&str, &Origin), reason: &str, hint: &str| {
                Err(ConfigError::Conflict {
                    first: self.key(table, first, origin),
                    second: self.key(table, second, other),
                    reason: reason.to_owned(),
                    hint: hint.to_owned(),
                })
            };
        match (&own.command, program) {
            (None, None) => {
                return Err(ConfigError::Missing {
                    setting: self.named(table, ""),
                    what: "it does not say what to run",
                    hint: "set `package`, `bin` or `example` for a program of the workspace, or `command`"
                        .to_owned(),
                });
            }
            (Some(command), Some(program)) => {
                return conflict(
                    ("command", &command.origin),
                    program,
                    ": a service runs one of them",
                    "remove one of them",
                );
            }
            _ => {}
        }
        if let (Some(bin), Some(example)) = (&own.bin, &own.example) {
            return conflict(
                ("example", &example.origin),
                ("bin", &bin.origin),
                ": a service runs one of them",
                "remove one of them",
            );
        }
        let task = own.task.as_ref().filter(|task| task.value);
        if let Some(task) = task {
            let task = ("task", &task.origin);
            let run = &table.layer.run;
            let listen = run.listen.iter().flatten().next();
            if let Some(listen) = listen {
                return conflict(
                    task,
                    ("listen", &listen.origin),
                    ": a task ends, a socket is held for a service that runs",
                    "remove one of them",
                );
            }
            if let Some(ready) = run.ready.as_ref().filter(|ready| ready.value != Ready::Auto) {
                return conflict(
                    task,
                    ("ready", &ready.origin),
                    ": a task is ready when it has ended with code 0",
                    "remove `ready`",
                );
            }
        }
        if let (Some(inputs), Some(program), None) = (own.inputs.iter().flatten().next(), program, task) {
            let hint = "name what the program reads when it runs in `watch.paths`, what the compiler reads in `build.inputs`";
            return conflict(
                ("inputs", &inputs.origin),
                program,
                ": hotrun knows what a program is built from",
                hint,
            );
        }
        Ok(())
    }

    fn check_sockets(&self, layers: &[Layer]) -> Result<(), ConfigError> {
        let tables: Vec<String> = self.tables.iter().map(|table| format!("service.{}", table.name)).collect();
        let checked: Vec<Checked<'_>> = layers
            .iter()
            .zip(&tables)
            .zip(&self.tables)
            .map(|((layer, name), table)| {
                let update_from = if table.layer.run.update.is_some() { name } else { "run" };
                Checked { run: &layer.run, table: name, update_from, cwd: self.cwd }
            })
            .collect();
        for (index, one) in checked.iter().enumerate() {
            one.alone()?;
            for (at, other) in checked.iter().enumerate().filter(|(at, _)| *at != index) {
                one.beside(other, &self.tables[at].name)?;
            }
        }
        Ok(())
    }

    fn service(&self, table: &Table, settled: Config) -> Result<ServiceConfig, ConfigError> {
        let Config { run, own: keys, .. } = settled;
        let ids = |name, list: &Setting<Vec<String>>| self.ids(table, name, list);
        Ok(ServiceConfig {
            name: table.name.clone(),
            runs: runs(&keys),
            after: ids("after", &keys.after)?,
            restart_with: ids("restart-with", &keys.restart_with)?,
            autostart: keys.autostart.value,
            task: keys.task.value,
            inputs: keys.inputs.iter().map(|glob| glob.value.clone()).collect(),
            port_auto: keys.port.value.is_some(),
            run,
            keys,
        })
    }

    fn ids(
        &self,
        table: &Table,
        key: &str,
        list: &Setting<Vec<String>>,
    ) -> Result<Vec<ServiceId>, ConfigError> {
        let mut ids = Vec::new();
        for name in &list.value {
            let Some(id) = self.id(name) else {
                return Err(ConfigError::Value {
                    setting: self.key(table, key, &list.origin),
                    value: name.clone(),
                    reason: "there is no such service".to_owned(),
                    hint: Some(self.instead_of(name)),
                });
            };
            ids.push(id);
        }
        Ok(ids)
    }

    fn id(&self, name: &str) -> Option<ServiceId> {
        (0..).map(ServiceId).zip(&self.tables).find(|(_, table)| table.name == name).map(|(id, _)| id)
    }

    /// Refuses services that wait for one another.
    fn check_cycles(
        &self,
        services: &[ServiceConfig],
        key: &str,
        follow: impl Fn(&ServiceConfig) -> &[ServiceId],
    ) -> Result<(), ConfigError> {
        let mut done = vec![false; services.len()];
        for start in 0..services.len() {
            // The way from the start, and how many neighbours of each were looked at.
            let mut way = vec![(start, 0)];
            while let Some((at, looked)) = way.last_mut() {
                let (at, next) = (*at, follow(&services[*at]).get(*looked));
                *looked += 1;
                let Some(next) = next.map(|id| usize::from(id.0)) else {
                    done[at] = true;
                    way.pop();
                    continue;
                };
                if let Some(from) = way.iter().position(|(on, _)| *on == next) {
                    let names = way[from..].iter().map(|(on, _)| *on).chain([next]);
                    let names: Vec<&str> = names.map(|on| &*services[on].name).collect();
                    let (table, keys) = (&self.tables[at], &services[at].keys);
                    let list = if key == "after" { &keys.after } else { &keys.restart_with };
                    return Err(ConfigError::Value {
                        setting: self.key(table, key, &list.origin),
                        value: services[next].name.clone(),
                        reason: format!("a circle: {}", names.join(" → ")),
                        hint: Some("remove one of these".to_owned()),
                    });
                }
                if !done[next] {
                    way.push((next, 0));
                }
            }
        }
        Ok(())
    }

    /// Returns the services that were chosen, which start with hotrun, and those they need.
    fn choose(&self, mut services: Vec<ServiceConfig>) -> Result<Vec<ServiceConfig>, ConfigError> {
        if self.chosen.is_empty() {
            return Ok(services);
        }
        let mut stays = vec![false; services.len()];
        let mut due = Vec::new();
        for name in self.chosen {
            let Some(id) = self.id(name) else {
                return Err(not_chosen(name, "there is no such service", self.instead_of(name)));
            };
            services[usize::from(id.0)].autostart = true;
            due.push(id);
        }
        while let Some(id) = due.pop() {
            let index = usize::from(id.0);
            if !std::mem::replace(&mut stays[index], true) {
                due.extend(&services[index].after);
            }
        }
        let ids: Vec<Option<ServiceId>> = stays
            .iter()
            .scan(0, |next, stays| {
                let id = stays.then_some(ServiceId(*next));
                *next += u16::from(*stays);
                Some(id)
            })
            .collect();
        let moved = |list: &[ServiceId]| list.iter().filter_map(|id| ids[usize::from(id.0)]).collect();
        let kept = services.into_iter().zip(&stays).filter(|(_, stays)| **stays);
        Ok(kept
            .map(|(service, _)| ServiceConfig {
                after: moved(&service.after),
                restart_with: moved(&service.restart_with),
                ..service
            })
            .collect())
    }

    /// Refuses the terminal for one of several.
    fn check_terminal(&self, services: &[ServiceConfig]) -> Result<(), ConfigError> {
        let inherits = |service: &&ServiceConfig| service.run.stdin.value == Stdin::Inherit;
        let Some(service) = services.iter().find(inherits).filter(|_| services.len() > 1) else {
            return Ok(());
        };
        let own =
            self.tables.iter().any(|table| table.name == service.name && table.layer.run.stdin.is_some());
        let key = if own { format!("service.{}.stdin", service.name) } else { "run.stdin".to_owned() };
        Err(ConfigError::Value {
            setting: named(&key, "--stdin", &service.run.stdin.origin, self.cwd),
            value: "inherit".to_owned(),
            reason: "several services cannot share hotrun's stdin".to_owned(),
            hint: Some(format!("run it alone: `-s {}`", service.name)),
        })
    }

    /// Returns a hint for a name that no service has.
    fn instead_of(&self, name: &str) -> String {
        match nearest(name, self.tables.iter().map(|table| &*table.name)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("expected {}", self.names()),
        }
    }

    fn names(&self) -> String {
        units::listed(self.tables.iter().map(|table| table.name.clone()), LISTED)
    }

    fn tables(&self) -> String {
        units::listed(self.tables.iter().map(|table| format!("[service.{}]", table.name)), LISTED)
    }

    /// Returns the name of a table.
    fn named(&self, table: &Table, key: &str) -> SettingName {
        self.key(table, key, &table.origin)
    }

    fn key(&self, table: &Table, key: &str, origin: &Origin) -> SettingName {
        let dot = if key.is_empty() { "" } else { "." };
        let option = format!("--{key}");
        named(&format!("service.{}{dot}{key}", table.name), &option, origin, self.cwd)
    }
}

fn runs(keys: &ServiceKeys) -> Runs {
    match &keys.command.value {
        Some(command) => Runs::Command(command.clone()),
        None => {
            Runs::program(keys.package.value.as_ref(), keys.bin.value.as_ref(), keys.example.value.as_ref())
        }
    }
}

fn not_chosen(name: &str, reason: &str, hint: String) -> ConfigError {
    ConfigError::Value {
        setting: SettingName { name: "--service".to_owned(), place: None },
        value: name.to_owned(),
        reason: reason.to_owned(),
        hint: Some(hint),
    }
}
