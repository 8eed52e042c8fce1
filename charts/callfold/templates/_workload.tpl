{{/*
A StatefulSet, of the dict of callfold.podTemplate. The names of its pods are the names of
group members and transactional ids. Its volumes stay, whatever happens to it.
*/}}
{{- define "callfold.statefulSet" -}}
{{- $root := .root -}}
{{- $values := index $root.Values .component -}}
{{- $volume := .volume -}}
apiVersion: apps/v1
kind: StatefulSet
metadata:
  {{- include "callfold.workloadMetadata" . | nindent 2 }}
spec:
  {{- with include "callfold.replicas" (list $root "StatefulSet" .component) }}
  {{- . | nindent 2 }}
  {{- end }}
  serviceName: {{ include "callfold.fullname" $root }}-{{ .component }}-pods
  # None waits for another: each restores its own partitions.
  podManagementPolicy: Parallel
  persistentVolumeClaimRetentionPolicy:
    whenDeleted: Retain
    whenScaled: Retain
  selector:
    matchLabels:
      {{- include "callfold.selectorLabels" (list $root .component) | nindent 6 }}
  template:
    {{- include "callfold.podTemplate" . | nindent 4 }}
  volumeClaimTemplates:
    # Nothing in here can be changed later: no label that names a version.
    - apiVersion: v1
      kind: PersistentVolumeClaim
      metadata:
        name: state
        labels:
          {{- include "callfold.selectorLabels" (list $root .component) | nindent 10 }}
      spec:
        {{- include "callfold.claimSpec" $volume | nindent 8 }}
---
# Gives the pods of the StatefulSet their names.
apiVersion: v1
kind: Service
metadata:
  name: {{ include "callfold.fullname" $root }}-{{ .component }}-pods
  labels:
    {{- include "callfold.labels" (list $root .component) | nindent 4 }}
spec:
  clusterIP: None
  publishNotReadyAddresses: true
  selector:
    {{- include "callfold.selectorLabels" (list $root .component) | nindent 4 }}
  ports:
    - name: admin
      port: 9464
      targetPort: admin
{{- end -}}

{{- define "callfold.claimSpec" -}}
accessModes: [ReadWriteOnce]
{{- with .storageClass }}
storageClassName: {{ . }}
{{- end }}
resources:
  requests:
    storage: {{ .size }}
{{- end -}}

{{/* Name, labels and annotations of a component's workload, of the dict of callfold.podTemplate. */}}
{{- define "callfold.workloadMetadata" -}}
name: {{ include "callfold.fullname" .root }}-{{ .component }}
labels:
  {{- include "callfold.labels" (list .root .component) | nindent 2 }}
{{- with (index .root.Values .component).annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/*
How many pods a workload has, of (list $ "KIND" "component"). Where an autoscaler counts
them they stay as many as they are: to Kubernetes a number that is taken away means one pod.
One that is not there yet begins with the fewest, so that a rollback to its first revision
has a number. Whether it is not there, or nobody can be asked, is told by what Kubernetes puts
into every namespace, and who may make a ConfigMap may read. Without a cluster no number is
named: what renders the chart for one (Argo CD) would set it again and again.
*/}}
{{- define "callfold.replicas" -}}
{{- $root := index . 0 -}}
{{- $namespace := $root.Release.Namespace -}}
{{- $values := index $root.Values (index . 2) -}}
{{- if not (dig "autoscaling" "enabled" false $values) -}}
replicas: {{ $values.replicas }}
{{- else -}}
{{- with lookup "apps/v1" (index . 1) $namespace (printf "%s-%s" (include "callfold.fullname" $root) (index . 2)) -}}
replicas: {{ .spec.replicas }}
{{- else -}}
{{- if lookup "v1" "ConfigMap" $namespace "kube-root-ca.crt" -}}
replicas: {{ $values.autoscaling.minReplicas }}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
