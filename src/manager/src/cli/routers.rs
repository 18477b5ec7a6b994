//! Which routers a command is for: some by name, or all that run.

#[derive(Debug, clap::Args)]
pub(super) struct Which {
    /// The routers' names.
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    pub(super) routers: Vec<String>,
    /// All routers that run.
    #[arg(long)]
    pub(super) all: bool,
}
