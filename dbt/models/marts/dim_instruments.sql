with settings as (
    select * from {{ ref('int_latest_settings') }}
),

feeds as (
    select
        worker,
        scope ->> '$.name' as feed,
        unnest(from_json(scope -> '$.instruments', '["VARCHAR"]') || from_json(scope -> '$.pools', '["VARCHAR"]')) as market
    from (
        select worker, unnest(from_json(settings -> '$.feeds', '["JSON"]')) as scope from settings
    )
),

books as (
    select
        worker,
        (item ->> '$.venue') || ':' || (item ->> '$.symbol') as market,
        'book' as kind,
        item ->> '$.venue' as venue,
        item ->> '$.symbol' as symbol,
        item ->> '$.base' as base,
        item ->> '$.quote' as quote,
        {{ from_e8("item ->> '$.price_tick_e8'") }} as price_tick,
        {{ from_e8("item ->> '$.lot_e8'") }} as lot_size,
        {{ from_e8("item ->> '$.min_size_e8'") }} as minimum_size,
        {{ from_e8("item ->> '$.min_notional_e8'") }} as minimum_notional
    from (
        select worker, unnest(from_json(settings -> '$.instruments', '["JSON"]')) as item from settings
    )
),

pools as (
    select
        worker,
        (item ->> '$.venue') || ':' || (item ->> '$.address') as market,
        'pool' as kind,
        item ->> '$.venue' as venue,
        item ->> '$.address' as symbol,
        item ->> '$.base' as base,
        item ->> '$.quote' as quote,
        cast(null as decimal(28, 8)) as price_tick,
        cast(null as decimal(28, 8)) as lot_size,
        cast(null as decimal(28, 8)) as minimum_size,
        cast(null as decimal(28, 8)) as minimum_notional
    from (
        select worker, unnest(from_json(settings -> '$.pools', '["JSON"]')) as item from settings
    )
),

markets as (
    select * from books
    union all
    select * from pools
),

-- Two workers may watch the same market; it is one instrument, as the first of them knows it.
described as (
    select
        market,
        any_value(kind order by worker) as kind,
        any_value(venue order by worker) as venue,
        any_value(symbol order by worker) as symbol,
        any_value(base order by worker) as base,
        any_value(quote order by worker) as quote,
        any_value(price_tick order by worker) as price_tick,
        any_value(lot_size order by worker) as lot_size,
        any_value(minimum_size order by worker) as minimum_size,
        any_value(minimum_notional order by worker) as minimum_notional,
        string_agg(distinct feed, ', ' order by feed) as feeds
    from markets
    left join feeds using (worker, market)
    group by market
)

select * from described
