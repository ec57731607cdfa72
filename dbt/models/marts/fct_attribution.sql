with attributed as (
    select * from {{ ref('stg_lake__attribution') }}
),

named as (
    select
        worker,
        run_id,
        opportunity_id,
        hour_at,
        cast(hour_at as date) as report_date,
        instrument,
        pool,
        direction,
        opened_at,
        opened_ns,
        opening_cex_bps,
        opening_pool_bps,
        coalesce(opened_by, 'unknown') as opened_by,
        closing_cex_bps,
        closing_pool_bps,
        coalesce(closed_by, 'unknown') as closed_by
    from attributed
)

select * from named
