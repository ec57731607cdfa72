with transfers as (
    select * from {{ ref('stg_lake__transfers') }}
),

closed_hours as (
    select * from {{ ref('int_closed_hours') }}
),

dated as (
    select
        transfers.worker,
        transfers.run_id,
        transfers.transfer_id,
        transfers.status,
        transfers.noted_at,
        transfers.received_ns as noted_ns,
        closed_hours.hour_at,
        closed_hours.report_date,
        transfers.source_venue,
        transfers.destination_venue,
        transfers.asset,
        transfers.received_asset,
        transfers.amount,
        transfers.fee,
        transfers.departed_ns,
        transfers.arrives_ns,
        transfers.terms
    from transfers
    inner join closed_hours using (hour_ns, worker)
)

select * from dated
