with source as (
    select * from {{ source('lake', 'risk_events') }}
),

renamed as (
    select
        worker,
        run_id,
        seq,
        previous as previous_state,
        current as current_state,
        cause,
        actor,
        reason,
        {{ from_e8('daily_net_usd_e8') }} as daily_net_usd,
        received_ns,
        {{ at('received_ns') }} as changed_at,
        received_ns // 3600000000000 * 3600000000000 as hour_ns
    from source
)

select * from renamed
