with source as (
    select * from {{ source('lake', 'feed_quality') }}
),

renamed as (
    select
        hour_ns,
        {{ at('hour_ns') }} as hour_at,
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
        completeness_millionths
    from source
)

select * from renamed
