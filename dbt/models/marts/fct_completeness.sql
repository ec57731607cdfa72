with quality as (
    select * from {{ ref('stg_lake__feed_quality') }} where market is not null
),

closed_hours as (
    select * from {{ ref('int_closed_hours') }}
),

-- Every hour from a worker's first to its last, whether it was there or not.
spans as (
    select worker, min(hour_ns) as first_ns, max(hour_ns) as last_ns
    from closed_hours
    group by worker
),

hours as (
    select worker, unnest(range(first_ns, last_ns + 1, 3600000000000)) as hour_ns from spans
),

markets as (
    select worker, feed, market from quality group by all
),

joined as (
    select
        {{ at('hours.hour_ns') }} as hour_at,
        hours.hour_ns,
        cast({{ at('hours.hour_ns') }} as date) as report_date,
        hours.worker,
        markets.feed,
        markets.market,
        case
            when quality.market is null then 'missing'
            when quality.completeness_millionths >= {{ complete_millionths() }} then 'complete'
            else 'incomplete'
        end as status,
        {{ as_percent('coalesce(quality.completeness_millionths, 0)') }} as completeness_pct,
        coalesce(quality.gaps, 0) as gaps,
        coalesce(quality.gap_ns, 0) as gap_ns,
        coalesce(quality.downtime_ns, 3600000000000) as downtime_ns,
        coalesce(quality.crossed_ns, 0) as crossed_ns,
        quality.longest_silence_ns
    from hours
    inner join markets using (worker)
    left join quality using (worker, hour_ns, feed, market)
)

select * from joined
