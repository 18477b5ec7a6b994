//! `vrwatch-manager plan ROUTER`: what it watches, and why; or what would be sent, in one of three
//! forms.

use clap::ValueEnum;
use terminal::output;

use super::office::Office;
use super::table;
use super::{CommandError, Done};
use crate::plan::forms::{FormError, HealthChecks};
use crate::plan::{Plan, PlanError};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The router's name.
    router: String,
    /// Print what would be sent, in this form.
    #[arg(long, value_enum)]
    form: Option<Form>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Form {
    /// The text of /etc/monitor.conf.
    #[value(name = "monitor.conf")]
    MonitorConf,
    /// The string that CloudStack sends.
    Wire,
    /// The text of /etc/cloudstack/monitorservice.json.
    Json,
}

pub(super) fn run(office: &Office, arguments: &Arguments) -> Result<Done, CommandError> {
    office.work(async |desk| {
        let name = &arguments.router;
        let inventory = desk.store.inventory_of(name).await?;
        let services = desk.store.services().await?;
        let policy = desk.config.policy;
        let plan = Plan::of(&inventory, &services, name, policy).map_err(|error| match error {
            PlanError::NoSuchRouter(_) => CommandError::Usage(error.to_string()),
            PlanError::Inventory { .. } => CommandError::Failed(error.to_string()),
        })?;
        let unfit = |error: FormError| CommandError::Failed(error.to_string());
        match arguments.form {
            Some(Form::MonitorConf) => {
                output::print(&plan.monitor_conf().map_err(unfit)?)?;
            }
            Some(Form::Wire) => {
                output::print(&format!("{}\n", plan.wire().map_err(unfit)?))?;
            }
            Some(Form::Json) => {
                let checks = HealthChecks::default();
                output::print(&plan.monitorservice_json(&checks).map_err(unfit)?)?;
            }
            None if desk.json => {
                output::print_json(&plan)?;
            }
            None => print(&plan)?,
        }
        Ok(Done::Well)
    })
}

fn print(plan: &Plan) -> Result<(), CommandError> {
    if plan.switched_off {
        output::print("Monitoring is off for all that this router serves.\n")?;
    }
    let header = ["WATCHED", "PROCESS", "SERVICE", "PID FILE", "WHY"];
    table::show(false, header, &plan.rows, |row| {
        let service = &row.service;
        [
            service.service.clone(),
            service.process_name.clone(),
            service.service_name.clone(),
            service.pidfile.clone(),
            row.reason.clone(),
        ]
    })?;
    if !plan.left_out.is_empty() {
        output::print("\n")?;
        table::show(false, ["NOT WATCHED", "WHY NOT"], &plan.left_out, |row| {
            [row.service.clone(), row.reason.clone()]
        })?;
    }
    Ok(())
}
