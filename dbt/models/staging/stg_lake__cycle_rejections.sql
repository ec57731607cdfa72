with source as (
    select * from {{ source('lake', 'cycle_rejections') }}
),

renamed as (
    select
        worker,
        run_id,
        seq,
        cycle,
        split_part(cycle, '|', 1) as venue,
        reason,
        count as evaluations,
        {{ from_e8('best_net_e8') }} as best_net_usd,
        interval_start_ns,
        received_ns,
        received_ns // 3600000000000 * 3600000000000 as hour_ns
    from source
)

select * from renamed
