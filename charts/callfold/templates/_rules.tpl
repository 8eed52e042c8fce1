{{/*
The rules of rules/callfold.yaml for the series of this release alone: each release has rules
of its own, and none records or tells what those of another do.
*/}}
{{- define "callfold.rules" -}}
{{- $own := printf "namespace=%q, release=%q" .Release.Namespace .Release.Name -}}
{{- $metric := `\b((?:namespace_release:)?callfold_[a-z0-9_:]+|process_start_time_seconds|go_build_info)` -}}
{{- $gone := dict "CallfoldStageGone" (include "callfold.stageGone" .) "CallfoldWatchGone" (include "callfold.watchGone" .) -}}
{{- $file := .Files.Get "rules/callfold.yaml" | fromYaml -}}
{{- range $group := $file.groups }}
{{- $rules := list }}
{{- range $rule := $group.rules }}
{{- $alert := default "" $rule.alert }}
{{- $expr := ternary (get $gone $alert) $rule.expr (hasKey $gone $alert) }}
{{- $expr = regexReplaceAll (print $metric `\{`) $expr (printf `${1}{%s, ` $own) }}
{{- $expr = regexReplaceAll (print $metric `([^a-z0-9_:{]|$)`) $expr (printf `${1}{%s}${2}` $own) }}
{{- if $expr }}
{{- $rules = append $rules (set $rule "expr" $expr) }}
{{- end }}
{{- end }}
{{- $_ := set $group "rules" $rules }}
{{- end }}
{{- toYaml $file }}
{{- end -}}

{{/* A series for each stage that is not there. The chart always runs all three. */}}
{{- define "callfold.stageGone" -}}
label_replace(absent(callfold_ingest_in_flight_requests), "stage", "ingest", "", "")
or absent(callfold_hot_states{stage="processor"})
or absent(callfold_hot_states{stage="sink"})
{{- end -}}

{{/* A series for what looks after them, where it is switched on and not there; empty where nothing is. */}}
{{- define "callfold.watchGone" -}}
{{- $gone := list -}}
{{- if .Values.canary.enabled }}
{{- $gone = append $gone `label_replace(absent(callfold_canary_last_written_timestamp_seconds), "component", "canary", "", "")` }}
{{- end }}
{{- if .Values.backfill.enabled }}
{{- $gone = append $gone `label_replace(absent(callfold_backfill_read_until_seconds), "component", "backfill", "", "")` }}
{{- end }}
{{- join "\nor " $gone }}
{{- end -}}
