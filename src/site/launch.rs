//! How the processes of services are started.

use std::ffi::OsString;
use std::path::PathBuf;

use super::Site;
use crate::build::{BuildResult, Publisher};
use crate::config::{CommandLine, Origin, Runs};
use crate::project::{Launch, LaunchInput};
use crate::words::{ArtifactId, ServiceId};

const PORT: &str = "PORT";

impl Site {
    /// Returns how to start the program of `result`, which a service runs; `port` is that of `port = "auto"`.
    pub(crate) fn launch(
        &self,
        service: ServiceId,
        result: &BuildResult,
        publisher: &Publisher,
        port: Option<u16>,
    ) -> Launch {
        let run = &self.config.service(service).run;
        let mut launch = Launch::compute(&LaunchInput {
            program: self.program(ArtifactId(service.0)),
            toolchain: &self.toolchain,
            cargo_config: &self.cargo_config,
            platform: &self.platform,
            scripts: &result.scripts,
            executable: &result.executable,
            target_directory: &self.staging(),
            build_directory: &self.build_directory(),
            // The path it was published to: the program may have been renamed since.
            live: publisher.live(),
            libraries: publisher.libraries(),
            run,
            env_files: self.last.env_files.variables(service),
            environment: &self.environment,
            cwd: &self.cwd,
        });
        if let Some(port) = port.filter(|_| !run.env.contains_key(PORT)) {
            launch.env.retain(|(name, _)| name != PORT);
            launch.env.push((PORT.into(), port.to_string().into()));
        }
        launch
    }

    /// Returns the folder of the file that sets something, which a command there is relative to.
    fn folder_of(&self, origin: &Origin) -> PathBuf {
        match origin {
            Origin::File(path, _) => path.parent().unwrap_or(&self.cwd).to_owned(),
            Origin::Default | Origin::CommandLine | Origin::Environment(_) => self.cwd.clone(),
        }
    }

    /// Returns how to start the command of a service. Its environment is, from the weakest source to the strongest: its env
    /// files, hotrun's own, the port, `env`.
    pub(crate) fn launch_of_command(&self, service: ServiceId, port: Option<u16>) -> Launch {
        let config = self.config.service(service);
        let mut words = match &config.runs {
            Runs::Command(CommandLine::Exec(words)) => words.iter().map(OsString::from).collect(),
            Runs::Command(CommandLine::Shell(text)) => vec!["/bin/sh".into(), "-c".into(), text.into()],
            Runs::Program { .. } => Vec::new(),
        }
        .into_iter();
        let mut env = self.environment.clone();
        for (name, value) in self.last.env_files.variables(service).iter().rev() {
            env.entry(name.into()).or_insert_with(|| value.into());
        }
        env.extend(port.map(|port| (PORT.into(), port.to_string().into())));
        let run = &config.run;
        env.extend(run.env.iter().map(|(name, setting)| (name.into(), (&setting.value).into())));
        Launch {
            program: words.next().map_or_else(PathBuf::new, PathBuf::from),
            runner: Vec::new(),
            args: words.chain(run.args.value.iter().cloned()).collect(),
            env: env.into_iter().collect(),
            cwd: run.cwd.value.clone().unwrap_or_else(|| self.folder_of(&config.keys.command.origin)),
        }
    }
}
