"""The one table of what a person reads for each error code; an entry is a sentence and the next step.

Only these words reach Slack, so nothing secret can leak through an error text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Words:
    """What a person reads: a sentence that says what is so, and the next step (may be empty). Both are format strings."""

    sentence: str
    next_step: str = ""


def words(code: str) -> Words:
    """The row of the table for `code`; an unknown code gets the row `unexpected`."""
    return WORDS.get(code, WORDS["unexpected"])


WORDS: Final[dict[str, Words]] = {
    "unexpected": Words("Something unexpected went wrong.", "The log has the cause under reference `{reference}`."),
    "name.invalid": Words("`{value}` is not a valid {kind} name.", "A {kind} name is {rule}."),
    # --- commands -------------------------------------------------------------------------------
    "commands.too_long": Words("That command has {length} characters; at most {limit} are read.", "Leave something out."),
    "commands.quote": Words("A quote ( {mark} ) is opened and never closed.", "Close it, or leave it out."),
    "commands.several": Words("That is more than one command.", "Send one `/gpu …` at a time."),
    "commands.unknown": Words("I do not know `{word}`.", "{choices}"),
    "commands.programs_option": Words("`{command}` has no option `{option}`.", "What the program itself is to be given goes behind `--`."),
    "commands.unknown_option": Words("`{command}` has no option `{option}`.", "{choices}"),
    "commands.missing_argument": Words("`{command}` needs {what}."),
    "commands.missing_option": Words("Say {what}."),
    "commands.missing_value": Words("`{option}` needs a value.", "For instance `{option} {example}`."),
    "commands.flag_value": Words("`{option}` takes no value.", "Give it alone, or leave it out."),
    "commands.twice": Words("{what} is given twice.", "Give it once."),
    "commands.extra": Words("`{command}` does not take `{value}`.", "A text with spaces goes into quotes."),
    "commands.passthrough": Words("`{command}` takes nothing after `--`."),
    "commands.conflict": Words("`{one}` and `{other}` do not go together: {why}.", "Leave one of them out."),
    "commands.needs": Words("`{option}` needs `{other}` as well.", "Add `{other}`, or leave `{option}` out."),
    "commands.name": Words("`{value}` is not a {field} name{why}.", "It is {rule}."),
    "commands.word": Words("`{value}` is not {rule}."),
    "commands.number": Words("`{value}` is not a whole number.", "It is a number from {least} to {most}."),
    "commands.range": Words("{value} is out of range.", "It is a number from {least} to {most}."),
    "commands.no_gpu": Words(
        "A job that is started here holds at least one GPU.",
        "Leave `--gpus` out for one; a manifest that asks for none is run as it is (*Run on GPU*).",
    ),
    "commands.range_order": Words("`--min {low}` is more than `--max {high}`.", "Swap them: `--min {high} --max {low}`."),
    "commands.choice": Words("`{value}` is not one of the choices.", "It is one of {choices}."),
    "commands.duration": Words("`{value}` is not a duration.", "It is written like `90m`, `8h` or `3d`."),
    "commands.duration_unit": Words("`{value}` of what?", "A duration is written like `90m`, `8h` or `3d`."),
    "commands.duration_zero": Words("`{value}` is no time at all.", "A duration is written like `90m`, `8h` or `3d`."),
    "commands.duration_long": Words("`{value}` is too long: at most {days} days.", "It can be extended later; the policy may allow less."),
    "commands.size": Words("`{value}` is not a VM size.", "It is written like `Standard_NC4as_T4_v3`; `/gpu sizes` lists them."),
    "commands.size_model": Words("`{value}` is a GPU model, not a VM size.", "`/gpu sizes --gpu {value}` lists the sizes that have it."),
    "commands.target": Words("`{value}` names no node pool.", "Write cluster and pool with a slash: `CLUSTER/POOL`."),
    "commands.zone": Words("`{value}` is not a zone.", "It is 1, 2 or 3, or several: `1,2`."),
    "commands.money": Words("`{value}` is not an amount of US dollars.", "It is written like `0.25`."),
    "commands.places": Words("`{value}` is too precise.", "At most {places} decimal places."),
    "commands.pair": Words("`{value}` is not `NAME=VALUE`.", "A name is {rule}."),
    "commands.parameter": Words("`{value}` is not `name=value` for a parameter of the template."),
    "commands.label": Words("`{value}` is not a label.", "It is written like `team=vision`."),
    "commands.taint": Words("`{value}` is not a taint.", "It is written like `sku=gpu:NoSchedule` (or `PreferNoSchedule`, `NoExecute`)."),
    "commands.reserved": Words("`{value}` uses the prefix `{prefix}`, which belongs to Kubernetes and AKS.", "Use another."),
    "commands.header": Words("`{value}` is not a header.", "It is written like `Name=value`."),
    "commands.header_retired": Words("`{value}` is no longer accepted: {why}.", "Leave the header out."),
    "commands.header_own": Words("`{value}` may not be set: it belongs to the call itself.", "Leave the header out."),
    "commands.quantity": Words("`{value}` is not an amount that Kubernetes knows.", "It is written like `{example}`."),
    "commands.image": Words("`{value}` is neither a template nor a container image.", "An image has a tag or a registry: `ghcr.io/team/train:1.2`."),
    "commands.template": Words("There is no template `{value}`.", "There is {choices}. An image needs a tag, such as `{value}:latest`."),
    "commands.secret_value": Words(
        "`{value}` carries what looks like a secret; it would be readable in this channel.",
        "Put it into a Kubernetes Secret and give its name: `--secret my-secret`.",
    ),
    "commands.secret_name": Words("That is not the name of a Kubernetes Secret.", "Give the name of an existing one, never its content."),
    "commands.schedule": Words("`{value}` is not a schedule.", "It is days, time and time zone."),
    "commands.schedule_day": Words("`{value}` is not a day.", "It is `daily`, `weekdays`, `mon`, `mon-fri` or `mon,thu`."),
    "commands.schedule_time": Words("`{value}` is not a time of day.", "It is written like `09:00` or `5pm`."),
    "commands.schedule_zone": Words("`{value}` is not a time zone.", "It is a name such as `Europe/Berlin` or `UTC`."),
    "commands.schedule_zone_missing": Words("In which time zone?", "People in one channel live in several."),
    # --- approvals ------------------------------------------------------------------------------
    "approvals.bot": Words("Bots cannot ask for GPUs."),
    "approvals.outsider": Words("People from another workspace cannot ask for GPUs or decide about them.", "Ask a colleague in this workspace."),
    "approvals.guest": Words("Guests of this workspace cannot ask for GPUs or decide about them.", "Ask a full member."),
    "approvals.channel": Words("GPUs are not handed out in this channel.", "Use one of {channels}."),
    "approvals.nowhere": Words("I cannot tell in which channel that was asked.", "Type it in one, as `/gpu …`."),
    "approvals.not_owner": Words("`{name}` belongs to <@{owner}>.", "Ask them, or {holders}."),
    "approvals.others": Words("Only its owner or an operator can do that."),
    "approvals.no_owner": Words("`{name}` belongs to nobody I know of.", "Ask {holders}."),
    "approvals.role": Words("You need the role `{role}` for that.", "Ask {holders}."),
    "approvals.self": Words("You cannot decide about your own request.", "Ask {holders}; or cancel it with `@quartermaster cancel` in its thread."),
    "approvals.not_approver": Words("You are not an approver.", "{holders} can decide."),
    "approvals.stale": Words("The plan has changed since this card was drawn.", "Look at the newest one and decide there."),
    "approvals.decided": Words("You have already decided about this plan."),
    "approvals.expired": Words("Nobody decided in time: this request has expired.", "Give the command again."),
    "approvals.ended": Words("This request is no longer waiting for a decision."),
    "approvals.price_unknown": Words(
        "The price is not known, and nothing is started without one.", "Try again later, or choose another size: `/gpu sizes`."
    ),
    "approvals.too_dear": Words(
        "{over}: that is more than anybody may approve.", "Choose a smaller size, fewer nodes or a shorter time: `/gpu sizes`."
    ),
    "approvals.no_break_glass": Words("You cannot start this without approval.", "Ask an approver."),
    "approvals.no_reason": Words("Starting without approval needs a reason.", "Say in a sentence what the emergency is; all approvers will read it."),
    "approvals.limits.max_nodes": Words("{asked} nodes are more than the policy allows.", "At most {limit}: `--nodes {limit}`."),
    "approvals.limits.sizes": Words("The policy does not allow `{asked}`.", "It allows {limit}."),
    "approvals.limits.regions": Words("The policy does not allow the region `{asked}`.", "It allows {limit}."),
    "approvals.limits.longest_expiry": Words("{asked} is longer than the policy allows.", "At most {limit}: `--for {limit}`."),
    "approvals.limits.gpus_per_user": Words(
        "{asked} more GPUs on top of the {held} that you hold are too many.", "At most {limit} per person: give some back first."
    ),
    "approvals.jobs.images": Words("The policy does not allow the image `{asked}`.", "It allows {limit}."),
    "approvals.jobs.namespaces": Words("The policy does not allow the namespace `{asked}`.", "It allows {limit}."),
    "approvals.jobs.longest_timeout": Words("{asked} is longer than a job may run.", "At most {limit}: `--timeout {limit}`."),
    "approvals.crowded": Words(
        "More people than I can look up have decided about this plan, and I do not know you yet.",
        "Type `/gpu budget`; once I have answered I do: then press again.",
    ),
    "approvals.not_yours": Words("Only <@{user}>, who asked for it, can do that.", "An operator or approver can cancel it, too."),
    # --- audit and budgets ----------------------------------------------------------------------
    "audit.busy": Words("The audit log could not be written to; nothing goes on without it."),
    "budgets.exceeded": Words(
        "{whose} budget of {limit} for {month} has {left} left; this needs {asked} of it.",
        "Ask for fewer nodes or hours; `/gpu budget` shows what is in use.",
    ),
    "budgets.closed": Words("`{name}` is gone already, so nothing more can be set aside for it."),
    # --- plans ----------------------------------------------------------------------------------
    "plans.not_ours": Words("`{name}` was not made by me, so I do not touch it.", "`/gpu cluster adopt {name}` hands it to me."),
    "plans.no_lease_here": Words("Nothing in this thread has an expiry that I keep.", "`/gpu status` shows what does."),
    "plans.no_lease": Words("`{name}` has no expiry that I keep.", "`/gpu status` shows what does."),
    "plans.longest": Words("`{name}` runs until {until}, and the policy allows at most {limit} from now.", "Extend it later."),
    "plans.taken_over": Words("Somebody has taken `{name}` over already.", "`/gpu cluster list` shows who."),
    "plans.blocked": Words("{reasons}"),
    "plans.cluster_taken": Words(
        "There is a cluster `{name}` already.", "Choose another name, or `/gpu pool add {name}/gpu --size {cheapest}` to add GPUs to it."
    ),
    "plans.pool_taken": Words("Cluster `{cluster}` has a node pool `{name}` already.", "Choose another name: `/gpu pool add {cluster}/{other} …`."),
    "plans.no_parameter": Words(
        "The template `{template}` has no parameter {names}.", "It has {known}; what the program itself takes goes behind `--`."
    ),
    "plans.no_gpu_pool": Words("Cluster `{cluster}` has no GPU node pool of a size that I know.", "`/gpu pool add {cluster}/gpu --size SIZE` makes one."),
    "plans.no_pool": Words("Cluster `{cluster}` has no node pool `{name}`.", "It has {known}."),
    "plans.no_fit": Words("That does not fit on `{cluster}`: {reason}.", "`/gpu nodes {cluster}` shows who holds what; `/gpu pool add` makes room."),
    "plans.unsafe": Words(
        "That job is not run: {reasons}.", "Leave that out and run it again; what is needed all the same belongs into a job template of your operators."
    ),
    "plans.power_already": Words("{what} is {state} already.", "There is nothing to do."),
    "plans.being_made": Words("`{name}` is still being made.", "Wait until its card says *Done*, or cancel it there."),
    "plans.pool_stopped": Words("Node pool `{name}` is stopped.", "Start it first: `/gpu pool start {name}`."),
    "plans.pool_unsettled": Words(
        "Node pool `{name}` is in the state {state}, and AKS {verb} only pools whose last change succeeded.",
        "Set it right with `/gpu pool scale {name} --nodes N`, or delete it: `/gpu pool delete {name}`.",
    ),
    "plans.same_scale": Words("Node pool `{name}` has {nodes} already.", "There is nothing to do."),
    "plans.nothing_to_abort": Words("Nothing is going on at node pool `{name}`: it is {state}.", "There is nothing to abort."),
    "plans.abort_deletion": Words("Node pool `{name}` is being deleted, and that cannot be aborted.", "Make a new one when it is gone."),
    "plans.adopted": Words("I look after `{name}` already.", "`/gpu cluster show {name}` shows it."),
    "plans.adopt_unknown": Words(
        "There is no cluster `{name}`{where} in this subscription.", "`az aks list --output table` shows those that can be adopted."
    ),
    "plans.adopt_which": Words("There are several clusters `{name}`, in the resource groups {groups}.", "Say which: `--group {first}`."),
    "plans.adopt_name": Words(
        "I look after another cluster `{name}` already (in the resource group `{group}`) and tell clusters apart by their names.",
        "One of the two has to go first.",
    ),
    "plans.adopt_stopped": Words(
        "`{name}` is stopped, and Azure changes nothing on a stopped cluster.",
        "Start it first: `az aks start --resource-group {group} --name {name}`.",
    ),
    # --- operations -----------------------------------------------------------------------------
    "operations.cluster_unknown": Words("There is no cluster `{name}`.", "I know {known}."),
    "operations.cluster_unnamed": Words("Which cluster?", "Name it with `--on NAME`; I know {known}."),
    "operations.vanished": Words(
        "{what} is gone: somebody deleted it meanwhile.", "Nothing of it is left to clean up here; ask again if you still need it."
    ),
    "operations.profile_differs": Words(
        "Azure made the pool with GPU driver `{got}` although `{asked}` was asked for.", "That cannot be changed later, so the pool is deleted again."
    ),
    "operations.rollout_stuck": Words("The device plugin does not start on every node: {lines}.", "`/gpu check` names the cause."),
    "operations.unproven": Words("{sentence}", "{next_step} `/gpu check` looks again."),
    "operations.no_job": Words("I know no job `{name}`.", "`/gpu jobs` lists them."),
    "operations.no_job_but_run": Words("I know no job `{name}`, but runs of it.", "The newest is `{newest}`; `/gpu jobs` lists them all."),
    "operations.no_job_there": Words(
        "I know no job `{name}` there, but one on {places}.", "Name that cluster, or leave `--on` and `--namespace` out."
    ),
    "operations.job_where": Words("There are several jobs `{name}`: on {places}.", "Say which: `{instead}`."),
    "operations.thread_no_job": Words("This thread is not about a job.", "`/gpu jobs` lists the jobs."),
    "operations.no_log": Words("Job `{name}` has no log yet: {reason}."),
    "operations.log_gone": Words(
        "Job `{name}` is not in the cluster any more, and its log went with it.", "`/gpu job {name}` shows what I know of the run."
    ),
    "operations.changed_meanwhile": Words(
        "{what} was changed by somebody else in the meantime: it is {now} now.", "Look at it, then ask again if it should be otherwise."
    ),
    "operations.no_place": Words(
        "Azure has no free machines anywhere that the policy lets me look at no higher price; I tried {tried}.",
        "Try again later, or ask for another size or region: `/gpu sizes`.",
    ),
    "operations.no_curve": Words("Job `{name}` has printed no curve that I can read.", "`/gpu logs {name}` shows what it printed."),
    "operations.not_running": Words("Job `{name}` is over already.", "`/gpu logs {name}` shows what it printed."),
    # --- azure ----------------------------------------------------------------------------------
    "azure.busy": Words("Azure is still working on something else there ({running}).", "I wait for it to finish; *Abort* stops it."),
    "azure.quota": Words(
        "The subscription's quota for *{quota}* is too small: {left} vCPUs are left and {needed} more are needed.",
        "Pick a smaller size, fewer nodes or another region, or ask for more quota in the Azure portal under *Quotas*.",
    ),
    "azure.too_many_clusters": Words(
        "The subscription may not have more clusters in this region.", "Delete one, or ask for a higher limit in the Azure portal."
    ),
    "azure.size_not_offered": Words(
        "Azure does not offer that VM size to this subscription in this region.", "`/gpu sizes` shows what can be had here."
    ),
    "azure.zone_not_supported": Words(
        "That size or region does not have the zone that was asked for.", "Leave `--zone` out, or pick another zone or region."
    ),
    "azure.feature_unknown": Words("Azure knows no preview feature of that name.", "The managed GPU stack is `ManagedGPUExperiencePreview`."),
    "azure.sku_not_available": Words(
        "Azure has no free machines of that size here right now (often so with Spot).",
        "Try another zone, size or region, or on-demand instead of Spot.",
    ),
    "azure.no_capacity": Words(
        "Azure has no free machines of that size in this region right now.", "Try another zone, size or region, or try again later."
    ),
    "azure.no_capacity_zone": Words(
        "Azure has no free machines of that size in that zone right now.", "Leave the zone open, or try another zone, size or region."
    ),
    "azure.overconstrained": Words(
        "Azure cannot meet all the wishes at once (size, zone, Spot, disk).", "Leave the zone open, or try another size or region."
    ),
    "azure.region_full": Words("AKS takes no new clusters in this region at the moment: it is full.", "Try another region, or try again later."),
    "azure.conflict": Words("Somebody else changed it at the same moment.", "I look again and repeat."),
    "azure.preempted": Words("A newer operation on the same resource took over.", "Look at what it is now, then decide again."),
    "azure.preempted_by_delete": Words("It was deleted by somebody else while I was working on it.", "Ask again if you still need it."),
    "azure.throttled": Words("Azure asks for fewer requests for a while.", "I wait as long as Azure asks and go on by myself."),
    "azure.provider_missing": Words(
        "The subscription has not registered the resource provider `{provider}` yet.",
        "Somebody with the Contributor role must register it: `az provider register --namespace {provider}`.",
    ),
    "azure.feature_missing": Words(
        "The subscription has not registered the preview feature that this needs.", "`/gpu feature register NAME` does it; that takes some minutes."
    ),
    "azure.policy": Words("An Azure Policy of your organisation forbids this ({policy}).", "Ask whoever looks after the subscription's policies."),
    "azure.locked": Words("A resource lock in Azure forbids this.", "Somebody with the Owner role can remove the lock."),
    "azure.linked_forbidden": Words(
        "The bot may not use a resource that this one is linked to (network, disk, identity).",
        "An Azure administrator must grant the bot rights on it.",
    ),
    "azure.forbidden": Words(
        "The bot's Azure identity may not do this.",
        "An Azure administrator must grant it a role, such as *Azure Kubernetes Service Contributor Role*.",
    ),
    "azure.unauthenticated": Words(
        "Azure does not accept the bot's sign-in.", "An administrator must check the bot's identity: `python -m bot doctor`."
    ),
    "azure.sign_in": Words(
        "The bot cannot sign in to Azure.", "An administrator must check the bot's identity: `python -m bot doctor`. I keep trying."
    ),
    "azure.subscription": Words(
        "Azure does not know the subscription, or does not show it to the bot.", "An administrator must check `AZURE_SUBSCRIPTION_ID`."
    ),
    "azure.subscription_disabled": Words("The Azure subscription is disabled.", "An administrator must enable it again (usually: billing)."),
    "azure.no_local_accounts": Words(
        "The cluster has local accounts disabled, so there are no admin credentials.",
        "I use the Entra sign-in instead; the bot's identity needs a role on the cluster.",
    ),
    "azure.disruption_budget": Words("A PodDisruptionBudget does not let the nodes be emptied.", "Remove the budget or the pods, or delete anyway."),
    "azure.node_setup": Words(
        "The machines came up, but AKS could not set them up as nodes.",
        "Delete the pool and create it again; if it happens twice, use another image or size.",
    ),
    "azure.group_deleting": Words("The resource group is being deleted.", "I wait until it is gone; a different name goes faster."),
    "azure.version_not_supported": Words("AKS does not support that Kubernetes version in this region.", "Leave the version out to get the default."),
    "azure.fixed_at_creation": Words("That property is fixed when the pool is made.", "Make a new pool with the wanted value, then delete this one."),
    "azure.not_allowed": Words("Azure does not allow this operation in the present state.", "Look at the state first, then try again."),
    "azure.invalid": Words("Azure refused the request as invalid.", "The log has Azure's own words under code `{azure_code}`."),
    "azure.gone": Words("It does not exist in Azure (any more).", "`/gpu cluster list` shows what does."),
    "azure.canceled": Words("The operation was aborted.", "What it had made so far is still there and may cost money."),
    "azure.unavailable": Words("Azure has a hiccup.", "I try again by myself."),
    "azure.broke_off": Words("Azure broke off in the middle of it (`{azure_code}`).", "Such failures are usually over soon."),
    "azure.unreachable": Words("Azure cannot be reached from here.", "I try again by myself."),
    "azure.no_answer": Words("Azure did not answer in time.", "I look at what came of it and try again by myself."),
    "azure.garbled": Words("Azure's answer could not be read.", "I try again by myself."),
    "azure.provisioning_failed": Words("AKS could not build the nodes and does not say why.", "Delete the pool and try again, or another size."),
    "azure.unknown": Words("Azure refused, with code `{azure_code}`.", "The log has Azure's own words."),
    "azure.insecure_url": Words(
        "`{url}` is not an https address, and the bot's token is sent nowhere else.", "Set `AZURE_ARM_BASE_URL` to an https address."
    ),
    "azure.name_taken": Words(
        "There is already a {kind} named `{name}`, and it is not from this request.", "Pick another name, or `adopt` the one that is there."
    ),
    "azure.price_unknown": Words(
        "There is no price for `{size}` in {region}{spot}, so it cannot be approved.",
        "Pick another size or region: `/gpu sizes` shows those with a price.",
    ),
    "azure.price_source": Words("The price list cannot be read right now.", "I try again by myself."),
    "azure.autoscaler_on": Words("The pool `{pool}` scales by itself between {min} and {max} nodes.", "Give a new range with `--min` and `--max`."),
    "azure.bounds": Words("{min} to {max} is not a range of node counts.", "Use whole numbers from {floor} to 1000, the smaller first."),
    "azure.node_count": Words("{nodes} is not a node count that AKS takes.", "Use a whole number from {floor} to 1000."),
    "azure.system_pool": Words("`{pool}` is a system pool: it needs at least one running node.", ""),
    "azure.managed_autoscaler": Words(
        "A pool with the managed GPU stack cannot scale by itself yet.", "Use `--nodes N`, or `--driver driver-only` with `--min` and `--max`."
    ),
    "azure.driver_amd": Words("AKS installs no driver for {model} GPUs.", "Use `--driver none` and bring your own stack."),
    "azure.mig_unsupported": Words("`{size}` cannot be cut into MIG slices.", "A100, H100 and H200 sizes can: `/gpu sizes --gpu A100`."),
    "azure.mig_profile": Words("`{mig}` is not a MIG profile.", "Use MIG1g, MIG2g, MIG3g, MIG4g or MIG7g."),
    "azure.header": Words("The header `{header}` is not sent.", "{reason}"),
    "azure.taint": Words("`{taint}` is not a taint.", "Write it as `key=value:NoSchedule`."),
    "azure.label": Words(
        "`{label}` is not a label that a node pool may carry.",
        "Write it as `key=value`; keys under `kubernetes.azure.com` and `kubernetes.io` belong to AKS.",
    ),
    "azure.spot_price": Words(
        "`{price}` is not a price limit for Spot.", "Use -1 (up to the on-demand price) or dollars with at most five decimals."
    ),
    "azure.os_sku": Words("`{os}` is not an operating system for GPU nodes.", "Use one of {known}."),
    "azure.local_accounts": Words("A cluster without local accounts needs Entra sign-in.", "Add `--entra`."),
    "azure.size_retired": Words("`{size}` ({model}) was retired by Azure on {since}.", "Use `{replacement}` instead."),
    "azure.size_unsupported": Words("`{size}` cannot be used for GPU node pools: {reason}.", "`/gpu sizes` shows those that can."),
    "azure.size_cpu": Words("`{size}` has no GPU.", "Pick a GPU size such as `Standard_NC4as_T4_v3`: `/gpu sizes`."),
    "azure.size_unknown": Words("`{size}` is not a size that I know.", "Did you mean {nearest}?"),
    "azure.restricted": Words(
        "`{size}` is restricted for this subscription in {region}.", "Pick another size or region, or ask Azure support to lift the restriction."
    ),
    "azure.restricted_zone": Words("`{size}` cannot be had in zone {zones} of {region}.", "Zones that work: {offered}."),
    "azure.no_spot": Words("`{size}` is not offered as Spot.", "Leave `--spot` out."),
    "azure.room": Words("The quota *{quota}* in {region} has room: {left} of {limit} vCPUs are free, {needed} are needed.", ""),
    "azure.no_room": Words(
        "The quota *{quota}* in {region} is too small: {left} of {limit} vCPUs are free, {needed} are needed.",
        "It is enough for {fits}. Ask for more in the Azure portal under *Quotas*, or pick a smaller size or another region.",
    ),
    "azure.quota_unknown": Words("The quota *{quota}* of {region} is not listed for this subscription.", "Azure decides when the pool is made."),
    "azure.gpu_count_lies": Words("Azure lists {listed} GPUs for `{size}`; a node really has {gpus}.", ""),
    "azure.kubernetes_version": Words("Kubernetes {version} is not supported in {region}.", "Supported: {supported}."),
    "azure.kubernetes_newer": Words(
        "Kubernetes {version} is newer than the cluster's own {cluster}, and nodes may not be.", "Leave the version out, or name an older one."
    ),
    "azure.kubernetes_preview": Words("Kubernetes {version} is a preview in {region}.", "Do not rely on it."),
    "azure.feature_needed": Words(
        "This needs the preview feature `{feature}`, which is {state}.", "`/gpu feature register {feature}` registers it; that takes some minutes."
    ),
    "azure.cluster_busy": Words("The cluster `{cluster}` is {state} right now.", "I wait until it is done."),
    "azure.cluster_stopped": Words("The cluster `{cluster}` is stopped.", "`/gpu cluster start {cluster}` starts it."),
    "azure.cluster_unknown": Words("There is no cluster `{cluster}` in this subscription.", "`/gpu cluster list` shows those there are."),
    "azure.no_system_pool": Words("The cluster `{cluster}` has no system pool.", "It cannot take GPU pools; make a new cluster."),
    "azure.pool_exists": Words(
        "The cluster `{cluster}` already has a node pool `{pool}`.", "Pick another name, or `/gpu pool scale {cluster}/{pool}`."
    ),
    "azure.no_kubeconfig": Words("Azure gave no credentials for the cluster `{cluster}`.", "I try again by myself."),
    # --- cluster --------------------------------------------------------------------------------
    "cluster.unreachable": Words("The API server of `{cluster}` does not answer ({kind}).", "I keep trying."),
    "cluster.slow": Words("`{cluster}` did not answer within {seconds} s.", "I look again when I am asked again."),
    "cluster.unavailable": Words("The API server of `{cluster}` is busy or broken (HTTP {status}).", "I keep trying."),
    "cluster.expired": Words("The API server of `{cluster}` has forgotten where I was reading.", "I read again from the start."),
    "cluster.conflict": Words("Somebody else changed the same fields in `{cluster}`: {reason}", "I look again before I write."),
    "cluster.field_conflict": Words(
        "Somebody changed this in `{cluster}` by hand, and I do not change it back: {reason}",
        "If it is not wanted, `/gpu plugin remove {cluster}`, then `/gpu plugin install {cluster}`.",
    ),
    "cluster.kubeconfig": Words(
        "The kubeconfig of `{cluster}` cannot be used: {problem}.",
        "Fetch it again from AKS, or inline its files with `kubectl config view --flatten`.",
    ),
    "cluster.credentials": Words(
        "The kubeconfig of `{cluster}` has no credentials that a service can use.",
        "Its local accounts are off: give the bot's identity a role on the cluster, so that it can sign in with Microsoft Entra.",
    ),
    "cluster.unauthorized": Words(
        "`{cluster}` no longer accepts my credentials.", "Its certificates may have been rotated; fetching the credentials again mends that."
    ),
    "cluster.forbidden": Words(
        "I may not {verb} {resource} in `{cluster}`.", "Give the bot's identity the role *{role}* on the cluster, then try again."
    ),
    "cluster.quota_exceeded": Words(
        "A resource quota of the namespace stands in the way: {reason}", "Free some of it or ask who owns the namespace."
    ),
    "cluster.admission_denied": Words("A policy of `{cluster}` refuses this: {reason}"),
    "cluster.not_found": Words("There is no such object in `{cluster}`: {reason}"),
    "cluster.name_taken": Words("The name is taken in `{cluster}` by something that I did not make: {reason}", "Choose another with `--name`."),
    "cluster.invalid": Words("`{cluster}` refuses this object: {reason}"),
    "cluster.bad_request": Words("`{cluster}` does not understand the request (HTTP {status}): {reason}"),
    "cluster.amount": Words("`{value}` is not an amount of {kind}.", "Amounts look like `4`, `500m` or `16Gi`."),
    "cluster.runtime_env": Words(
        "`{name}` is not for jobs to set: with it a container would see GPUs that it does not hold.",
        "Leave it out; `--gpus N` says how many GPUs the job gets.",
    ),
    "cluster.manifest": Words(
        "This manifest cannot be run: {problem}.", "I take one Kubernetes Job (`apiVersion: batch/v1`, `kind: Job`) as YAML or JSON."
    ),
    "cluster.unsafe": Words("This manifest asks for more than jobs may have: {problems}."),
    "cluster.no_secret": Words(
        "The job refers to a Secret that is not there: {names} in namespace `{namespace}` of `{cluster}`.",
        "Create it (`kubectl create secret generic {first} --namespace {namespace} …`), then run the job again.",
    ),
    "cluster.template_unknown": Words("There is no template called `{name}`.", "There are: {known}."),
    "cluster.template_broken": Words("The template file `{file}` is broken: {problem}."),
    "cluster.parameter": Words("`{value}` does not fit `--{name}`: it must be {rule}."),
    "cluster.plugin_managed": Words(
        "AKS manages the GPU stack of every GPU node in `{cluster}`.", "A second device plugin would get in its way; nothing was installed."
    ),
    "cluster.plugin_foreign": Words("`{cluster}` already has {found}.", "Two device plugins on one node fight over the GPUs; nothing was installed."),
    # --- slack ----------------------------------------------------------------------------------
    "slack.unreadable": Words("Slack does not give me {what} ({error})."),
    "slack.file_elsewhere": Words("That file is not kept by Slack, so I do not fetch it.", "Attach it to a message, or paste the manifest."),
    "slack.file_large": Words("That file is larger than {limit}.", "A Job manifest is smaller."),
    "slack.file_unreadable": Words(
        "Slack does not let me read that file ({error}).", "Invite me to the channel, or paste the manifest as a message."
    ),
    "slack.not_in_channel": Words(
        "I am not in this channel, so I cannot open a thread here; nothing was started.",
        "Type `/invite @quartermaster`, then give the command again.",
    ),
    "slack.unreachable": Words("I cannot post in this channel ({reason}); nothing was started.", "Use a channel that I am in."),
}
