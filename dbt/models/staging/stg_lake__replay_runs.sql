with source as (
    select * from {{ source('lake', 'replay_runs') }}
),

renamed as (
    select
        hour_ns,
        {{ at('hour_ns') }} as hour_at,
        worker,
        run_id,
        first_seq,
        last_seq,
        events,
        outputs,
        live_digest,
        replayed_digest,
        primary_latency_ns,
        settings
    from source
)

select * from renamed
