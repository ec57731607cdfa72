with episodes as (
    select
        report_date,
        worker,
        instrument,
        pool,
        direction,
        duration_ns,
        close_reason = 'edge_gone' as is_ended
    from {{ ref('fct_opportunities') }}
    where reconciliation_status = 'matched'
),

observed as (
    select
        report_date,
        worker,
        instrument,
        pool,
        direction,
        count(*) as episodes,
        cast(count(*) filter (where is_ended) as bigint) as ended_episodes,
        cast(count(*) filter (where not is_ended) as bigint) as cut_off_episodes,
        cast(round(avg(duration_ns)) as bigint) as mean_ns,
        {%- for percent in [10, 25, 50, 75, 90, 99] %}
        quantile_disc(duration_ns, {{ percent / 100 }}) as p{{ percent }}_ns,
        {%- endfor %}
        max(duration_ns) as longest_ns
    from episodes
    group by report_date, worker, instrument, pool, direction
),

-- An episode that something else than the edge ended was watched so long and no longer (Kaplan and Meier).
steps as (
    select
        report_date,
        worker,
        instrument,
        pool,
        direction,
        duration_ns,
        count(*) filter (where is_ended) as ended,
        count(*) as leaving
    from episodes
    group by report_date, worker, instrument, pool, direction, duration_ns
),

at_risk as (
    select *, sum(leaving) over longest_first as watched
    from steps
    window longest_first as (
        partition by report_date, worker, instrument, pool, direction
        order by duration_ns desc
    )
),

curve as (
    select *, product(1.0 - ended / watched) over shortest_first as survival
    from at_risk
    window shortest_first as (
        partition by report_date, worker, instrument, pool, direction
        order by duration_ns
        rows between unbounded preceding and current row
    )
),

survived as (
    select
        report_date,
        worker,
        instrument,
        pool,
        direction,
        max(duration_ns) as last_ns,
        min(survival) as last_survival,
        {%- for ms in survival_latencies_ms() %}
        min(survival) filter (where duration_ns <= {{ ms }}000000) as survival_{{ ms }}{{ ',' if not loop.last }}
        {%- endfor %}
    from curve
    group by report_date, worker, instrument, pool, direction
),

-- Beyond the longest lifetime that was seen nothing is known, unless that edge was seen to end.
joined as (
    select
        observed.*,
        {%- for ms in survival_latencies_ms() %}
        case
            when {{ ms }}000000 > survived.last_ns and survived.last_survival > 0 then null
            else {{ rounded('coalesce(survived.survival_' ~ ms ~ ', 1) * 100', 2) }}
        end as surviving_{{ ms }}ms_pct{{ ',' if not loop.last }}
        {%- endfor %}
    from observed
    inner join survived using (report_date, worker, instrument, pool, direction)
)

select * from joined
