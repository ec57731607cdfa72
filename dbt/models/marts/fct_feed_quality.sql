with quality as (
    select * from {{ ref('stg_lake__feed_quality') }}
),

measured as (
    select
        hour_at,
        cast(hour_at as date) as report_date,
        worker,
        feed,
        market,
        events,
        rows_captured,
        snapshots,
        connections,
        losses,
        gaps,
        gap_ns,
        dead_letters,
        longest_silence_ns,
        delay_p50_ns,
        delay_p99_ns,
        clock_offset_ns,
        crossed_ns,
        downtime_ns,
        {{ as_percent('completeness_millionths') }} as completeness_pct
    from quality
)

select * from measured
