with closed_hours as (
    select * from {{ ref('int_closed_hours') }}
),

-- Two workers in one hour: the better one says how complete it was.
hours as (
    select
        report_date,
        hour_ns,
        max(completeness_millionths) as completeness_millionths,
        min(downtime_ns) as downtime_ns,
        max(primary_latency_ns) as primary_latency_ns
    from closed_hours
    group by report_date, hour_ns
),

days as (
    select
        report_date,
        count(*) as hours_covered,
        cast(count(*) filter (where completeness_millionths >= {{ complete_millionths() }}) as bigint) as hours_complete,
        {{ as_percent('sum(completeness_millionths) // 24') }} as completeness_pct,
        {{ as_percent('sum(completeness_millionths) // count(*)') }} as covered_completeness_pct,
        cast(sum(downtime_ns) as bigint) as downtime_ns,
        max(primary_latency_ns) as primary_latency_ns
    from hours
    group by report_date
),

reconciled as (
    select
        report_date,
        cast(sum(matched) as bigint) as rows_matched,
        cast(sum(missing + extra + different) as bigint) as rows_not_matched,
        bool_and(is_reconciled) as is_reconciled
    from {{ ref('fct_reconciliation') }}
    group by report_date
),

shown as (
    select
        report_date,
        count(*) as opportunities,
        cast(count(*) filter (where reconciliation_status = 'matched') as bigint) as opportunities_matched,
        cast(sum(opening_net_usd) as decimal(28, 8)) as opportunities_net_usd
    from {{ ref('fct_opportunities') }}
    group by report_date
),

refused as (
    select report_date, cast(sum(evaluations) as bigint) as rejected_evaluations
    from {{ ref('fct_rejections') }}
    group by report_date
),

booked as (
    select
        report_date,
        cast(sum(trades) as bigint) as trades,
        cast(sum(winning_trades) as bigint) as winning_trades,
        cast(sum(unwound_trades) as bigint) as unwound_trades,
        cast(sum(notional_usd) as decimal(28, 8)) as notional_usd,
        {{ stack_sums('predicted') }},
        {{ stack_sums('realised') }}
    from {{ ref('fct_pnl_daily') }}
    where is_primary
    group by report_date
),

gaps as (
    select report_date, count(*) as gaps, cast(sum(duration_ns) as bigint) as gap_ns
    from {{ ref('fct_gaps') }}
    group by report_date
),

risk as (
    select
        cast(changed_at as date) as report_date,
        count(*) as risk_changes,
        cast(count(*) filter (where current_state = 'killed') as bigint) as risk_kills
    from {{ ref('stg_lake__risk_events') }}
    group by 1
),

cycles_shown as (
    select
        report_date,
        count(*) as cycle_opportunities,
        count(*) filter (where reconciliation_status = 'matched') as cycle_opportunities_matched
    from {{ ref('fct_cycle_opportunities') }}
    group by report_date
),

cycles_refused as (
    select report_date, cast(sum(evaluations) as bigint) as cycle_rejected_evaluations
    from {{ ref('fct_cycle_rejections') }}
    group by report_date
),

turned as (
    select
        report_date,
        cast(sum(trades) as bigint) as cycle_trades,
        cast(sum(winning_trades) as bigint) as cycle_winning_trades,
        cast(sum(predicted_net_usd) as decimal(28, 8)) as cycle_predicted_net_usd,
        cast(sum(realised_net_usd) as decimal(28, 8)) as cycle_realised_net_usd
    from {{ ref('fct_cycle_pnl_daily') }}
    where is_primary
    group by report_date
),

joined as (
    select
        days.report_date,
        days.hours_covered,
        days.hours_complete,
        days.completeness_pct,
        days.covered_completeness_pct,
        days.downtime_ns,
        coalesce(gaps.gaps, 0) as gaps,
        coalesce(gaps.gap_ns, 0) as gap_ns,
        coalesce(reconciled.rows_matched, 0) as rows_matched,
        coalesce(reconciled.rows_not_matched, 0) as rows_not_matched,
        coalesce(reconciled.is_reconciled, false) as is_reconciled,
        case
            when not coalesce(reconciled.is_reconciled, false) then 'doubtful'
            when days.hours_complete < 24 then 'incomplete'
            else 'complete'
        end as data_verdict,
        coalesce(shown.opportunities, 0) as opportunities,
        coalesce(shown.opportunities_matched, 0) as opportunities_matched,
        coalesce(shown.opportunities_net_usd, 0) as opportunities_net_usd,
        coalesce(refused.rejected_evaluations, 0) as rejected_evaluations,
        days.primary_latency_ns,
        coalesce(booked.trades, 0) as trades,
        coalesce(booked.winning_trades, 0) as winning_trades,
        coalesce(booked.unwound_trades, 0) as unwound_trades,
        coalesce(booked.notional_usd, 0) as notional_usd,
        {%- for prefix in ['predicted', 'realised'] %}
        {%- for line in stack_lines() %}
        coalesce(booked.{{ prefix }}_{{ line }}_usd, 0) as {{ prefix }}_{{ line }}_usd,
        {%- endfor %}
        {%- endfor %}
        coalesce(risk.risk_changes, 0) as risk_changes,
        coalesce(risk.risk_kills, 0) as risk_kills,
        coalesce(cycles_shown.cycle_opportunities, 0) as cycle_opportunities,
        coalesce(cycles_shown.cycle_opportunities_matched, 0) as cycle_opportunities_matched,
        coalesce(cycles_refused.cycle_rejected_evaluations, 0) as cycle_rejected_evaluations,
        coalesce(turned.cycle_trades, 0) as cycle_trades,
        coalesce(turned.cycle_winning_trades, 0) as cycle_winning_trades,
        coalesce(turned.cycle_predicted_net_usd, 0) as cycle_predicted_net_usd,
        coalesce(turned.cycle_realised_net_usd, 0) as cycle_realised_net_usd,
        cast(
            coalesce(booked.realised_net_usd, 0) + coalesce(turned.cycle_realised_net_usd, 0) as decimal(28, 8)
        ) as total_realised_net_usd
    from days
    left join reconciled using (report_date)
    left join shown using (report_date)
    left join refused using (report_date)
    left join booked using (report_date)
    left join gaps using (report_date)
    left join risk using (report_date)
    left join cycles_shown using (report_date)
    left join cycles_refused using (report_date)
    left join turned using (report_date)
)

select * from joined
