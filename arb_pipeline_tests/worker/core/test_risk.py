"""The risk machine acts at most once on an event, and says who and why."""

from streaming_worker.core.events import CommandKind, OperatorCommand
from streaming_worker.core.outputs import RiskCause, RiskState, RiskTransition
from streaming_worker.core.risk import REMEMBERED_COMMANDS, Risk
from streaming_worker.core.units import E8, NANOS_PER_DAY, NANOS_PER_SECOND

DAY = 20_000 * NANOS_PER_DAY


def risk() -> Risk:
    """Return a machine with a limit of 500 USD and 5 s of hysteresis."""
    return Risk(daily_loss_usd_e8=500 * E8, resume_after_ns=5 * NANOS_PER_SECOND)


def realised(machine: Risk, net_usd_e8: int, open_usd_e8: int = 0) -> list[RiskTransition]:
    """Add a result on an event of its own, and check the loss at its end."""
    machine.has_acted = False
    machine.on_realised(net_usd_e8)
    return machine.check_loss(open_usd_e8, DAY)


def command(kind: CommandKind, command_id: str = "1") -> OperatorCommand:
    """Return a command."""
    return OperatorCommand(command_id, kind, "ops", "because", DAY)


def test_the_limit_itself_kills_and_one_unit_less_does_not() -> None:
    machine = risk()
    assert realised(machine, -500 * E8 + 1) == []
    (kill,) = realised(machine, -1)
    assert (kill.previous, kill.current, kill.cause) == (RiskState.ACTIVE, RiskState.KILLED, RiskCause.DAILY_LOSS)
    assert realised(machine, -E8) == []


def test_gains_and_losses_of_a_day_add_up() -> None:
    machine = risk()
    realised(machine, 100 * E8)
    assert realised(machine, -550 * E8) == []
    assert machine.daily_net_usd_e8 == -450 * E8


def test_the_day_roll_resets_the_loss_and_reopens_only_a_loss_kill() -> None:
    machine = risk()
    machine.on_time(DAY, ())
    realised(machine, -500 * E8)
    assert machine.on_time(DAY + NANOS_PER_DAY - 1, ()) == []
    (roll,) = machine.on_time(DAY + NANOS_PER_DAY, ())
    assert (roll.current, roll.cause, roll.daily_net_usd_e8) == (RiskState.ACTIVE, RiskCause.NEW_DAY, 0)
    machine.on_command(command(CommandKind.KILL), DAY + NANOS_PER_DAY)
    assert machine.on_time(DAY + 2 * NANOS_PER_DAY, ()) == []
    assert machine.state is RiskState.KILLED


def test_staleness_never_lifts_an_operators_pause() -> None:
    machine = risk()
    machine.on_command(command(CommandKind.PAUSE), DAY)
    assert machine.on_time(DAY, ("gemini",)) == []
    assert machine.on_time(DAY + NANOS_PER_SECOND, ()) == []
    assert machine.on_time(DAY + 100 * NANOS_PER_SECOND, ()) == []
    assert machine.state is RiskState.PAUSED


def test_health_must_last_before_a_stale_pause_ends() -> None:
    machine = risk()
    (pause,) = machine.on_time(DAY, ("gemini", "solana"))
    assert "gemini, solana" in pause.reason
    assert machine.on_time(DAY + 1 * NANOS_PER_SECOND, ()) == []
    assert machine.on_time(DAY + 4 * NANOS_PER_SECOND, ("gemini",)) == []
    assert machine.on_time(DAY + 5 * NANOS_PER_SECOND, ()) == []
    assert machine.on_time(DAY + 9 * NANOS_PER_SECOND, ()) == []
    (resume,) = machine.on_time(DAY + 10 * NANOS_PER_SECOND, ())
    assert resume.cause is RiskCause.RECOVERED


def test_commands_act_once_and_need_an_effect() -> None:
    machine = risk()
    assert machine.on_command(command(CommandKind.RESUME, "0"), DAY) == []
    (pause,) = machine.on_command(command(CommandKind.PAUSE, "1"), DAY)
    assert (pause.actor, pause.reason) == ("ops", "because")
    assert machine.on_command(command(CommandKind.PAUSE, "1"), DAY) == []
    assert machine.on_command(command(CommandKind.PAUSE, "2"), DAY) == []
    (kill,) = machine.on_command(command(CommandKind.KILL, "3"), DAY)
    assert kill.previous is RiskState.PAUSED
    assert machine.on_command(command(CommandKind.PAUSE, "4"), DAY) == []
    (resume,) = machine.on_command(command(CommandKind.RESUME, "5"), DAY)
    assert resume.current is RiskState.ACTIVE


def test_an_operator_takes_over_a_stale_pause() -> None:
    machine = risk()
    machine.on_time(DAY, ("gemini",))
    (taken,) = machine.on_command(command(CommandKind.PAUSE), DAY)
    assert taken.cause is RiskCause.OPERATOR
    assert machine.on_time(DAY + 60 * NANOS_PER_SECOND, ()) == []


def test_remembered_commands_are_bounded() -> None:
    machine = risk()
    for number in range(REMEMBERED_COMMANDS + 5):
        machine.on_command(command(CommandKind.RESUME, str(number)), DAY)
    assert len(machine.seen_commands) == REMEMBERED_COMMANDS


def test_an_open_loss_counts_and_an_open_gain_does_not() -> None:
    machine = risk()
    assert realised(machine, -300 * E8, 1_000 * E8) == []
    assert realised(machine, 0, -200 * E8 + 1) == []
    (kill,) = realised(machine, 0, -200 * E8)
    assert (kill.daily_net_usd_e8, kill.open_loss_usd_e8) == (-300 * E8, -200 * E8)
    assert kill.reason == "lost 500 USD today, 200 of it open, limit 500 USD"


def test_a_loss_on_an_event_that_changed_the_state_waits_for_the_next_event() -> None:
    machine = risk()
    assert len(machine.on_time(DAY, ("gemini",))) == 1
    machine.on_realised(-600 * E8)
    assert machine.check_loss(0, DAY) == []
    assert machine.is_check_due
    (kill,) = realised(machine, 0)
    assert (kill.previous, kill.current) == (RiskState.PAUSED, RiskState.KILLED)
    assert not machine.is_check_due
