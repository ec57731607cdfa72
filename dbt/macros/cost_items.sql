{# The items of the cost stack, in waterfall order. #}
{% macro cost_kinds() -%}
    {{ return(['taker_fee', 'pool_fee', 'slippage', 'price_impact', 'network_cost', 'stable_basis', 'rebalancing']) }}
{%- endmacro %}

{# Every line of a stack: gross, the costs, net. #}
{% macro stack_lines() -%}
    {{ return(['gross'] + cost_kinds() + ['net']) }}
{%- endmacro %}

{# Columns of a stack as money, from integers. #}
{% macro stack_as_money(prefix) -%}
    {%- for line in stack_lines() %}
    {{ from_e8(prefix ~ '_' ~ line ~ '_usd_e8') }} as {{ prefix }}_{{ line }}_usd{{ ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{# Sums of a stack that is money already. #}
{% macro stack_sums(prefix) -%}
    {%- for line in stack_lines() %}
    cast(sum({{ prefix }}_{{ line }}_usd) as decimal(28, 8)) as {{ prefix }}_{{ line }}_usd{{ ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{# Names of a stack's columns. #}
{% macro stack_columns(prefix) -%}
    {%- for line in stack_lines() %}
    {{ prefix }}_{{ line }}_usd{{ ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}
