//! The site: what is known about the project before anything runs, and what follows from it: cargo's command,
//! the launch of the program, the plan for watching.
//!
//! Queries the rooms that read files and run cargo; runs and watches nothing itself.

mod choice;
mod edit;
mod env_files;
mod groups;
mod inputs;
mod launch;
mod order;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use self::choice::{choices, settings_folder};
use self::edit::Doubt;
pub(crate) use self::edit::{DOUBT, Edit};
use self::env_files::EnvFiles;
use self::order::{Asked, Selection, is_seeded};
use crate::build::{self, BuildOrder, BuildResult, Group, Program, SeedPlan, WarmUpOrder};
use crate::config::RunOptions;
use crate::config::{self, Config, FileText, OwnVariables, ServiceConfig, TargetName};
use crate::error::Error;
use crate::project::{
    CargoConfig, Environment, Platform, ProgramInfo, ProgramKind, Project, ProjectError, Queries,
    SourcePackage, Survey, Toolchain, clean_environment,
};
use crate::report::Style;
use crate::settings::{self, Search, SettingsError};
use crate::sys;
use crate::watch::{PackageFolder, Plan, Workspace};
use crate::words::{ArtifactId, BuildId, Names, ServiceId};

/// The project, the toolchain and the settings in force.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) cwd: PathBuf,
    options: RunOptions,
    variables: OwnVariables,
    reader: settings::Reader,
    /// The settings in force.
    pub(crate) config: Config,
    last: LastRead,
    pub(crate) environment: Environment,
    pub(crate) toolchain: Toolchain,
    pub(crate) cargo_config: CargoConfig,
    pub(crate) platform: Platform,
    pub(crate) project: Project,
    /// The `OUT_DIR` of each build script that has run, by cargo's ID of its package.
    scripts: BTreeMap<String, PathBuf>,
}

/// The files of the settings as last read.
#[derive(Debug)]
struct LastRead {
    /// The config files, and the settings they gave when last valid.
    texts: Vec<FileText>,
    config: Config,
    /// The env files when last valid.
    env_files: EnvFiles,
    /// The env files named by the config files, in force or not.
    awaited: Vec<PathBuf>,
    /// The content of all these files.
    seen: Vec<(PathBuf, Option<String>)>,
    /// The files among them that are gone or empty, perhaps in the middle of a save.
    doubts: Vec<Doubt>,
}

impl Site {
    /// Reads everything. `cwd` is absolute.
    pub(crate) fn survey(options: RunOptions, cwd: PathBuf, queries: &Queries) -> Result<Self, Error> {
        let reader = settings::Reader::default();
        let variables = settings::environment();
        let environment = clean_environment(std::env::vars_os());
        let nearest = settings::nearest_package(&options, &cwd);
        let guessed = nearest.as_deref().and_then(settings::nearest_workspace);
        let search = Search {
            options: &options,
            environment: &variables,
            cwd: &cwd,
            package: nearest.as_deref(),
            // A guess, which may name the programs.
            workspace: guessed.as_deref(),
        };
        let first = search.load(&reader)?;
        let chosen = choices(&first);
        let mut survey = Survey::take(&cwd, &environment, &first.build, &chosen, queries)?;
        let package = settings_folder(&survey.project, nearest.as_deref());
        let workspace = Some(&*survey.project.workspace_root);
        let search = Search { package, workspace, ..search };
        let texts = search.read(&reader)?;
        let config = config::merge(&options, &variables, &texts, &cwd).map_err(SettingsError::from)?;
        // The workspace's own file may choose the programs if the nearest package does not.
        let in_force = choices(&config);
        if in_force != chosen {
            survey = Survey::take(&cwd, &environment, &config.build, &in_force, queries)?;
        }
        let Survey { toolchain, cargo_config, project, platform } = survey;
        let last = LastRead {
            texts,
            config: config.clone(),
            env_files: EnvFiles::default(),
            awaited: Vec::new(),
            seen: Vec::new(),
            doubts: Vec::new(),
        };
        let mut site = Self {
            cwd,
            reader: reader.clone(),
            options,
            variables,
            config,
            last,
            environment,
            toolchain,
            cargo_config,
            platform,
            project,
            scripts: BTreeMap::new(),
        };
        // A missing or broken env file is reported now, not after the first build.
        let env_files = site.read_env_files(&site.config);
        site.last.seen = site.held(&site.last.texts, &env_files);
        site.last.awaited = env_files.paths();
        site.last.env_files = site.env_files(&site.config, env_files)?;
        site.reader.stop_waiting();
        Ok(site)
    }

    /// Returns a reading of the project, cargo's configuration and the toolchain, for another thread.
    pub(crate) fn reading(&self) -> impl FnOnce(&Queries) -> Result<Survey, ProjectError> + Send + use<> {
        let (cwd, environment) = (self.cwd.clone(), self.environment.clone());
        let (build, chosen) = (self.config.build.clone(), choices(&self.config));
        move |queries| Survey::take(&cwd, &environment, &build, &chosen, queries)
    }

    /// Puts a reading into force for later builds and starts; the settings stay as they are.
    pub(crate) fn take_up(&mut self, survey: Survey) {
        let Survey { toolchain, cargo_config, project, platform } = survey;
        self.toolchain = toolchain;
        self.cargo_config = cargo_config;
        self.project = project;
        self.platform = platform;
    }

    /// Returns the name of the program, or of the first of several.
    pub(crate) fn program_name(&self) -> &str {
        self.project.first().map_or("", |program| &program.target.name)
    }

    /// Returns the names of the services.
    pub(crate) fn names(&self) -> Names {
        let name = |service: &ServiceConfig| {
            // The only one has no table to name it.
            let name = if service.name.is_empty() { self.program_name() } else { &service.name };
            name.to_owned()
        };
        Names::new(self.config.services.iter().map(name).collect())
    }

    pub(crate) fn program(&self, artifact: ArtifactId) -> &ProgramInfo {
        &self.project.programs[&artifact]
    }

    /// Returns the target directory hotrun builds in.
    pub(crate) fn staging(&self) -> PathBuf {
        staging_of(&self.project.target_directory)
    }

    /// Returns the folder of cargo's intermediates.
    pub(crate) fn build_directory(&self) -> PathBuf {
        if self.config.build.share_build_dir.value {
            self.project.build_directory.clone()
        } else {
            self.staging()
        }
    }

    /// Returns the live path of a program.
    pub(crate) fn live(&self, artifact: ArtifactId) -> PathBuf {
        let target = TargetName::from(&self.program(artifact).target);
        let folder = groups::folder(&self.project.programs, artifact);
        build::live_path(
            &self.staging(),
            &self.config.build,
            self.platform.triple.as_deref(),
            &target,
            folder,
        )
    }

    /// Returns cargo's command lines and environment, for a stderr of this style.
    pub(crate) fn build_order(
        &self,
        build: BuildId,
        artifacts: &BTreeSet<ArtifactId>,
        style: Style,
    ) -> BuildOrder {
        let asked = Asked {
            config: &self.config.build,
            toolchain: &self.toolchain,
            environment: &self.environment,
            cargo_config: &self.cargo_config,
            cwd: &self.cwd,
            style,
        };
        let group = |group: BTreeMap<ArtifactId, &ProgramInfo>| {
            // The packages of all, so that the features of shared ones are always the same.
            let packages = groups::packages(&group);
            let due: Vec<_> =
                group.into_iter().filter(|(artifact, _)| artifacts.contains(artifact)).collect();
            let targets: BTreeSet<_> = due.iter().map(|(_, it)| TargetName::from(&it.target)).collect();
            let keep_going = targets.len() > 1 && self.project.keeps_going;
            Group {
                command: asked.command(Selection { packages, targets }, keep_going, &self.staging()),
                programs: due.iter().map(|(artifact, _)| (*artifact, self.ordered(*artifact))).collect(),
            }
        };
        let mut groups: Vec<Group> = groups::groups(&self.project.programs).into_iter().map(group).collect();
        groups.retain(|group| !group.programs.is_empty());
        let env = asked.environment(&self.staging(), &self.build_directory());
        BuildOrder { build, groups, env, cwd: self.cwd.clone(), seed: self.seed() }
    }

    /// Returns a program as the build room knows it.
    fn ordered(&self, artifact: ArtifactId) -> Program {
        let program = self.program(artifact);
        let is_replaced = groups::is_replaced(&self.project.programs, program);
        Program {
            package: program.package.id.clone(),
            target: program.target.name.clone(),
            example: program.target.kind == ProgramKind::Example,
            aside: is_replaced
                .then(|| self.live(artifact).with_file_name(".built").join(&program.target.name)),
        }
    }

    /// Returns the order of a warm-up: the programs' own packages first, which every edit compiles.
    pub(crate) fn warm_up_order(&self, style: Style) -> WarmUpOrder {
        let programs = &self.project.programs;
        let build = self.build_order(BuildId(0), &programs.keys().copied().collect(), style);
        let own: BTreeSet<&str> = programs.values().map(|program| &*program.package.id).collect();
        let (own, others): (Vec<_>, Vec<_>) =
            self.project.packages.iter().partition(|package| own.contains(&*package.id));
        let name = |package: &&SourcePackage| package.compiles_alone.then(|| package.name.clone());
        let mut steps = [own, others].map(|packages| packages.iter().filter_map(name).collect()).to_vec();
        steps.retain(|packages: &Vec<_>| !packages.is_empty());
        WarmUpOrder { build, steps }
    }

    /// Returns the plan for seeding; `None` if nothing is staged apart or cargo would not find it fresh.
    fn seed(&self) -> Option<SeedPlan> {
        let (config, project) = (&self.config.build, &self.project);
        is_seeded(config).then(|| {
            SeedPlan::new(
                &self.staging(),
                &project.target_directory,
                &project.build_directory,
                &config.profile.value,
                self.platform.triple.as_deref(),
            )
        })
    }

    /// Returns the plan for watching.
    pub(crate) fn plan(&self) -> Plan {
        let project = &self.project;
        let values = |settings: &[config::Setting<PathBuf>]| {
            settings.iter().map(|setting| setting.value.clone()).collect::<Vec<_>>()
        };
        let outputs = [&project.target_directory, &project.build_directory];
        let mut never: Vec<_> =
            outputs.into_iter().flat_map(|folder| self.written_by_cargo(folder)).collect();
        never.extend(self.config.files.events.value.clone());
        never.extend(self.config.files.log.value.clone());
        let mut env_files = Vec::new();
        let named = self.config.services.iter().flat_map(|service| values(&service.run.env_files));
        for path in named.chain(self.last.awaited.iter().cloned()).chain(self.dotenv()) {
            if !env_files.contains(&path) {
                env_files.push(path);
            }
        }
        Plan {
            // The service that runs a program has its number.
            programs: project.programs.keys().map(|id| (*id, ServiceId(id.0))).collect(),
            packages: self.package_folders(),
            other_roots: project.other_roots.clone(),
            workspace: Workspace {
                root: project.workspace_root.clone(),
                manifests: project.manifests.clone(),
                member_patterns: project.member_patterns.clone(),
                member_excludes: project.member_excludes.clone(),
                lock_file: project.lock_file.clone(),
                cargo_configs: self.cargo_config.files.clone(),
                toolchain_files: Toolchain::inputs(&self.cwd, &self.environment),
            },
            hotrun_configs: self.config_files(),
            env_files,
            inputs: values(&self.config.build.inputs),
            paths: values(&self.config.watch.paths),
            command_inputs: self
                .config
                .services()
                .filter(|(_, service)| !service.inputs.is_empty())
                .map(|(id, service)| (id, service.inputs.clone()))
                .collect(),
            ignore: self.config.watch.ignore.iter().map(|setting| setting.value.clone()).collect(),
            build_directory: self.build_directory(),
            never,
            outputs: sys::own_outputs(),
            poll: self.config.watch.poll.value,
            verbose: self.config.ui.verbosity > 0,
        }
    }

    /// Returns the packages the program is built from, its own first.
    fn package_folders(&self) -> Vec<PackageFolder> {
        let mut packages = Vec::new();
        for package in &self.project.packages {
            packages.push(PackageFolder {
                name: package.name.clone(),
                root: package.root.clone(),
                manifest: package.manifest.clone(),
                build_script: package.build_script.is_some(),
                sources: package.targets.clone(),
                artifacts: BTreeSet::new(),
            });
        }
        for (artifact, ProgramInfo { target, packages: own, .. }) in &self.project.programs {
            if let Some(package) = own.first().and_then(|&at| packages.get_mut(at)) {
                package.sources.push(target.src_path.clone());
            }
            for &at in own {
                packages[at].artifacts.insert(*artifact);
            }
        }
        packages
    }

    /// Returns the folders that cargo and hotrun write in a target or build directory: the whole directory,
    /// unless it contains the project.
    fn written_by_cargo(&self, folder: &Path) -> Vec<PathBuf> {
        let project = &self.project;
        let roots = project.packages.iter().map(|package| &package.root).chain([&project.workspace_root]);
        let holds_project = |folder: &Path| roots.clone().any(|root| root.starts_with(folder));
        if !holds_project(folder) {
            return vec![folder.to_owned()];
        }
        let profile = build::profile_folder(&self.config.build.profile.value);
        let triples = self.config.build.triple.iter().chain(&self.cargo_config.targets).map(String::as_str);
        let names = ["hotrun", "debug", "release", "doc", profile].into_iter().chain(triples);
        names.map(|name| folder.join(name)).filter(|folder| !holds_project(folder)).collect()
    }

    /// Returns the files that each program was built from, as listed by rustc and cargo, where they are.
    pub(crate) fn dep_info(
        &self,
        built: &BTreeMap<ArtifactId, BuildResult>,
    ) -> std::io::Result<BTreeMap<ArtifactId, Vec<PathBuf>>> {
        let base = self.cargo_config.dep_info_basedir.as_deref().unwrap_or(&self.cwd);
        let files = |result: &BuildResult, list: &Path| {
            let text = std::fs::read_to_string(list)?;
            let parsed = crate::watch::dep_info::parse(&text, &result.executable, base);
            parsed.map_err(std::io::Error::other)
        };
        let listed = built.iter().filter_map(|(artifact, it)| Some((*artifact, it, it.dep_info.as_ref()?)));
        listed.map(|(artifact, result, list)| Ok((artifact, files(result, list)?))).collect()
    }

    /// Returns the roots of packages of these programs whose build script named nothing to rerun for: cargo reruns it
    /// for any of their files.
    pub(crate) fn rerun_everything(&self, built: &BTreeMap<ArtifactId, BuildResult>) -> Vec<PathBuf> {
        let programs = self.project.programs.iter().filter(|(artifact, _)| built.contains_key(artifact));
        let of_these: BTreeSet<usize> =
            programs.flat_map(|(_, program)| program.packages.iter().copied()).collect();
        let mut roots = Vec::new();
        for package in of_these.into_iter().map(|at| &self.project.packages[at]) {
            if package.build_script.is_none() {
                continue;
            }
            let mut scripts = built.values().flat_map(|result| &result.scripts);
            let script = scripts.find(|script| script.package_id.repr == package.id);
            if script.is_none_or(|script| !names_reruns(script.out_dir.as_std_path())) {
                roots.push(package.root.clone());
            }
        }
        roots
    }

    /// Returns the root of a package whose build script has ended, and when: at the ctime of the file in
    /// which cargo records its output. cargo sets the mtime back to the start of the script.
    pub(crate) fn script_ended(&mut self, package: &str, out_dir: &Path) -> Option<(PathBuf, SystemTime)> {
        self.scripts.insert(package.to_owned(), out_dir.to_owned());
        let package = self.project.packages.iter().find(|known| known.id == package)?;
        let written = build::script_output(out_dir)?.metadata().ok()?;
        Some((package.root.clone(), sys::changed_at(&written)?))
    }
}

/// Returns the folder hotrun was started in.
pub(crate) fn current_folder() -> Result<PathBuf, Error> {
    std::env::current_dir().map_err(|source| Error::System { what: "find the current folder", source })
}

/// Returns hotrun's target directory within the project's own.
fn staging_of(target_directory: &Path) -> PathBuf {
    target_directory.join("hotrun")
}

/// Whether a build script printed any `rerun-if-…`; if its output cannot be read, every file counts.
fn names_reruns(out_dir: &Path) -> bool {
    let Some(output) = build::script_output(out_dir) else { return false };
    std::fs::read_to_string(output).is_ok_and(|text| {
        text.lines().any(|line| line.starts_with("cargo:rerun-if-") || line.starts_with("cargo::rerun-if-"))
    })
}
