"""`unreel plan`."""

from collections.abc import Sequence

from unreel import recipes
from unreel.cli.inputs.parsing import parse
from unreel.console import say_json
from unreel.planning.question import PlanSettings, check


def main(arguments: Sequence[str]) -> None:
    """Run the verb."""
    settings = parse(PlanSettings, "plan", arguments)
    check(settings)
    from unreel.cli.tables.plan_tables import as_values, print_plan
    from unreel.planning.plan import make_plan

    plan = make_plan(settings, recipes.changes(settings.recipe))
    if settings.as_json:
        say_json(as_values(plan))
    else:
        print_plan(plan)
