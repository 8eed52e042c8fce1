{{/* The name of everything. 40 characters leave room for a component, and for the hash that a StatefulSet puts into a label. */}}
{{- define "callfold.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains "callfold" .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-callfold" (.Release.Name | trunc 31 | trimSuffix "-") -}}
{{- end -}}
{{- end -}}

{{/* What selects the pods of the release. A selector cannot be changed later: nothing is ever added here. */}}
{{- define "callfold.releaseLabels" -}}
app.kubernetes.io/name: callfold
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* What selects the pods of a component, of (list $ "component"); as unchangeable. */}}
{{- define "callfold.selectorLabels" -}}
{{ include "callfold.releaseLabels" (index . 0) }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* The labels of an object of a component, of (list $ "component"). */}}
{{- define "callfold.labels" -}}
{{- $root := index . 0 -}}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{ include "callfold.selectorLabels" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
app.kubernetes.io/part-of: callfold
{{- with $root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "callfold.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ $image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "callfold.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "callfold.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{/* The service account of a hook: one that the release makes is not there yet. */}}
{{- define "callfold.hookServiceAccountName" -}}
{{- if .Values.serviceAccount.create -}}default{{- else -}}{{ include "callfold.serviceAccountName" . }}{{- end -}}
{{- end -}}

{{/* Nine tenths of a memory limit in Mi or Gi, for Go's garbage collector; empty for another. */}}
{{- define "callfold.goMemLimit" -}}
{{- $limit := . | toString -}}
{{- if regexMatch "^[0-9]+Mi$" $limit -}}
{{ div (mul (trimSuffix "Mi" $limit | int64) 9) 10 }}MiB
{{- else if regexMatch "^[0-9]+Gi$" $limit -}}
{{ div (mul (trimSuffix "Gi" $limit | int64) 9216) 10 }}MiB
{{- end -}}
{{- end -}}

{{/* The bytes of a size in Mi, Gi or Ti; empty for another. */}}
{{- define "callfold.bytes" -}}
{{- $size := . | toString -}}
{{- range $unit, $bytes := dict "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 -}}
{{- if regexMatch (printf "^[0-9]+([.][0-9]+)?%s$" $unit) $size -}}
{{ mulf (trimSuffix $unit $size | float64) $bytes | printf "%.0f" }}
{{- end -}}
{{- end -}}
{{- end -}}
