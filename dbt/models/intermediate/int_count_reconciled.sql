with reconciliation as (
    select * from {{ ref('stg_lake__reconciliation') }}
),

counted as (
    select
        hour_ns,
        any_value(hour_at) as hour_at,
        cast(any_value(hour_at) as date) as report_date,
        worker,
        run_id,
        output_table,
        count(*) filter (where status = 'matched') as matched,
        count(*) filter (where status = 'missing') as missing,
        count(*) filter (where status = 'extra') as extra,
        count(*) filter (where status = 'different') as different
    from reconciliation
    group by hour_ns, worker, run_id, output_table
)

select * from counted
