with source as (
    select * from {{ source('lake', 'reconciliation') }}
),

renamed as (
    select
        hour_ns,
        {{ at('hour_ns') }} as hour_at,
        worker,
        run_id,
        table_name as output_table,
        identity,
        ordinal,
        status,
        live_seq,
        replayed_seq,
        differences
    from source
)

select * from renamed
