{# Exact conversions: decimals are multiplied, never divided, because a division would give a float. #}

{# An integer scaled by 1e8 as a decimal with all of its digits. #}
{% macro from_e8(column) -%}
    cast(cast({{ column }} as decimal(20, 0)) * cast('0.00000001' as decimal(9, 8)) as decimal(28, 8))
{%- endmacro %}

{# Hundredths of a basis point as basis points. #}
{% macro from_centibps(column) -%}
    cast(cast({{ column }} as decimal(20, 0)) * cast('0.01' as decimal(3, 2)) as decimal(22, 2))
{%- endmacro %}

{# Millionths as per cent. #}
{% macro as_percent(column) -%}
    cast(cast({{ column }} as decimal(14, 0)) * cast('0.0001' as decimal(5, 4)) as decimal(18, 4))
{%- endmacro %}

{# Nanoseconds since 1970 as a UTC timestamp, cut to microseconds; the exact value stays beside it. #}
{% macro at(column) -%}
    make_timestamp({{ column }} // 1000)
{%- endmacro %}

{# Nanoseconds as seconds. #}
{% macro as_seconds(column) -%}
    cast(cast({{ column }} as decimal(20, 0)) * cast('0.000000001' as decimal(10, 9)) as decimal(29, 9))
{%- endmacro %}

{# Money over notional in basis points, cut to two digits; null without a notional. For showing, never for adding up. #}
{% macro share_bps(money, notional) -%}
    cast(round(cast({{ money }} as double) / nullif(cast({{ notional }} as double), 0) * 10000, 2) as decimal(22, 2))
{%- endmacro %}
