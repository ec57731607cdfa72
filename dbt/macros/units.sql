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

{# Millionths as a plain number. #}
{% macro from_millionths(column) -%}
    cast(cast({{ column }} as decimal(20, 0)) * cast('0.000001' as decimal(7, 6)) as decimal(26, 6))
{%- endmacro %}

{# A statistic with so many digits; floats end here. #}
{% macro rounded(value, digits) -%}
    cast(round(cast({{ value }} as double), {{ digits }}) as decimal(22, {{ digits }}))
{%- endmacro %}

{# One part of another in per cent, cut to two digits; null of nothing. For showing, never for adding up. #}
{% macro share_pct(part, whole) -%}
    cast(round(cast({{ part }} as double) / nullif(cast({{ whole }} as double), 0) * 100, 2) as decimal(22, 2))
{%- endmacro %}

{# The share of an hour from which it counts as complete, millionths. #}
{% macro complete_millionths() -%}
    {{ return('999000') }}
{%- endmacro %}

{# An amount at a price, exact to 1e-8 and cut towards zero; null without a price. #}
{% macro times_price(amount, price) -%}
    cast(
        cast(cast({{ amount }} * 100000000 as hugeint) * cast({{ price }} * 100000000 as hugeint) // 100000000 as decimal(20, 0))
        * cast('0.00000001' as decimal(9, 8)) as decimal(28, 8)
    )
{%- endmacro %}

{# A fee (zero or below) at another rate, rounded down to 1e-8 USD: against us. #}
{% macro scaled_fee(fee, rate, charged_rate) -%}
    cast(
        -cast((cast(-{{ fee }} * 100000000 as hugeint) * {{ rate }} + {{ charged_rate }} - 1) // {{ charged_rate }} as decimal(20, 0))
        * cast('0.00000001' as decimal(9, 8)) as decimal(28, 8)
    )
{%- endmacro %}

{# Reaction times at which the survival of an edge is told, milliseconds. #}
{% macro survival_latencies_ms() -%}
    {{ return([50, 100, 250, 500, 1000, 2000]) }}
{%- endmacro %}
